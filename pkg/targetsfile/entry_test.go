package targetsfile_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestStaleEntry(t *testing.T) {
	since := stamp(t, "2026-01-02T10:00:00.123Z")
	fresh := entry(t, target("a"))
	stale := fresh.Stale(since)

	t.Run("differs from the fresh one by its mark", func(t *testing.T) {
		if stale.Size() <= fresh.Size() || !stale.StaleSince.Equal(since) || !fresh.StaleSince.IsZero() {
			t.Errorf("got sizes %d and %d, marks %s and %s", stale.Size(), fresh.Size(), stale.StaleSince, fresh.StaleSince)
		}
	})
	t.Run("keeps its first mark", func(t *testing.T) {
		again := stale.Stale(since.Add(1))
		if !again.StaleSince.Equal(since) || again.Size() != stale.Size() {
			t.Errorf("got %s, want %s", again.StaleSince, since)
		}
	})
	t.Run("is what NewEntry makes of a stale target", func(t *testing.T) {
		marked := target("a")
		marked.StaleSince = since
		got, want := targetsfile.Checksum([]*targetsfile.Entry{entry(t, marked)}), targetsfile.Checksum([]*targetsfile.Entry{stale})
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("keeps the fields of a later writer", func(t *testing.T) {
		file := seal(t, strings.Replace(fullText, `"name":"slack-prod"`, `"color":"red","name":"slack-prod"`, 1))
		doc, err := targetsfile.Decode(file)
		check(t, err)
		doc.Entries[1] = doc.Entries[1].Stale(since)
		doc.Checksum = targetsfile.Checksum(doc.Entries)
		want := `{"color":"red","name":"slack-prod"`
		if got := encode(t, doc); !bytes.Contains(got, []byte(want)) || !bytes.Contains(got, []byte(`,"stale_since":"2026-01-02T10:00:00.123Z"}`)) {
			t.Errorf("got %s, want %s… marked as stale", got, want)
		}
	})
}

// seal puts the right checksum into a file's text.
func seal(t testing.TB, text string) []byte {
	t.Helper()
	return []byte(strings.Replace(text, "sha256:CHECKSUM", oracleChecksum(t, []byte(text)), 1))
}

func TestNewEntryRefusesWhatIsNotJSON(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*targetsfile.Target)
	}{
		{"filter config", func(x *targetsfile.Target) { x.FilterConfig = json.RawMessage(`{`) }},
		{"filter config with a broken escape", func(x *targetsfile.Target) { x.FilterConfig = json.RawMessage(`{"a":"\uCANARY"}`) }},
		{"filter config that is not UTF-8", func(x *targetsfile.Target) { x.FilterConfig = json.RawMessage("{\"a\":\"\xff\"}") }},
		{"extra", func(x *targetsfile.Target) { x.Extra = map[string]json.RawMessage{"a": json.RawMessage(`CANARY`)} }},
	} {
		broken := target("a")
		test.change(&broken)
		if _, err := targetsfile.NewEntry(broken); err == nil || strings.Contains(err.Error(), "CAN") {
			t.Errorf("%s: got error %v, want one without the value", test.name, err)
		}
	}
}

func TestNewEntryFillsInEmptyObjects(t *testing.T) {
	e := entry(t, targetsfile.Target{Name: "a"})
	if e.Headers == nil || string(e.FilterConfig) != "{}" {
		t.Errorf("got headers %v and filter config %s, want empty objects", e.Headers, e.FilterConfig)
	}
}

// What a Secret holds as JSON reaches the file as it was written, whichever Go the writer is built with.
func TestNewEntryKeepsTheTextOfJSON(t *testing.T) {
	const text = "{\"\u2028\":\"\u2029\\u2028\\/<&>\\u00e9\u00e9\",\"b\":1.10,\"a\":-0e+5,\",\\\"filter_config\\\":{}\":null}"
	x := target("a")
	x.URL, x.Headers = `https://example.com/,"filter_config":{}`, map[string]string{"a": "b", "filter_config": "{}"}
	x.FilterConfig = json.RawMessage(text)
	x.Extra = map[string]json.RawMessage{"\u2028 <": json.RawMessage(text), "a": json.RawMessage(" [ 1.0 ] "), "none": nil}
	e := entry(t, x)
	if string(e.FilterConfig) != text || string(e.Extra["\u2028 <"]) != text || string(e.Extra["a"]) != "[1.0]" || string(e.Extra["none"]) != "null" {
		t.Errorf("got %+q and %+q, want %+q", e.FilterConfig, e.Extra, text)
	}
	if e.URL != x.URL || e.Headers["filter_config"] != "{}" || e.Secret != x.Secret {
		t.Errorf("got URL %s, headers %v and Secret %s, want them as they were", e.URL, e.Headers, e.Secret)
	}
}
