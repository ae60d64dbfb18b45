package targetsfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// printed are the values that a program may come to print, by name.
func printed(t *testing.T) map[string]any {
	t.Helper()
	secret := target("slack-prod")
	doc := document(t, 1, "slack-prod")
	path := published(t, doc)
	r := open(t, path, targetsfile.WithoutWatch())
	other := secret
	other.URL += "/2"
	change := targetsfile.Diff(nil, r.Snapshot())
	change.Removed, change.Updated = change.Added, []targetsfile.Update{{Old: secret, New: other}}
	broken := published(t, document(t, 1, "b"))
	rename(t, broken, bytes.Replace(encode(t, doc), []byte("services"), []byte("Services"), 1))
	_, refusal := targetsfile.ReadFile(broken)
	values := map[string]any{
		"change":              change,
		"pointer to a change": &change,
		"update":              change.Updated[0],
		"pointer to update":   &change.Updated[0],
		"error":               refusal,
		"target":              secret,
		"pointer to a target": &secret,
		"slice":               []targetsfile.Target{secret},
		"map":                 map[string]targetsfile.Target{"a": secret},
		"exported field":      struct{ T targetsfile.Target }{secret},
		"pointer in a field":  struct{ T *targetsfile.Target }{&secret},
		"any in a field":      struct{ T any }{secret},
		"entry":               *doc.Entries[0],
		"pointer to an entry": doc.Entries[0],
		"document":            doc,
		"snapshot":            r.Snapshot(),
		"copied snapshot":     *r.Snapshot(),
		"reader":              r,
		"status":              r.Status(),
	}
	for name, value := range maps.Clone(values) {
		values["slice with "+name] = []any{value}
		values["map with "+name] = map[string]any{"key": value}
		values["struct with "+name] = struct{ Value any }{value}
		values["slice of maps of structs with "+name] = []map[string]struct{ Value any }{{"key": {value}}}
	}
	return values
}

func TestTargetIsRedactedByFmt(t *testing.T) {
	for name, value := range printed(t) {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %d %x %X % x %#x %t %c %o %b %e %f %g %U %T %10v %-10s %!") {
			if got := fmt.Sprintf(verb, value); leaks(got) {
				t.Errorf("%s as %s: got %s, want no secret", name, verb, got)
			}
		}
		if got := fmt.Sprint(value, "x", value); leaks(got) {
			t.Errorf("%s by Sprint: got %s, want no secret", name, got)
		}
	}
}

// leaks looks for the canary as text and as hexadecimal digits.
func leaks(printed string) bool {
	return strings.Contains(printed, canary) || strings.Contains(strings.ToLower(printed), fmt.Sprintf("%x", canary))
}

func TestTargetIsRedactedByJSON(t *testing.T) {
	for name, value := range printed(t) {
		got, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
		if leaks(string(got)) {
			t.Errorf("%s: got %s, want no secret", name, got)
		}
	}
}

func TestTargetIsRedactedBySlog(t *testing.T) {
	for name, value := range printed(t) {
		var out bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			log := slog.New(handler)
			log.Info("alone", "value", value)
			log.Info("nested", slog.Group("group", slog.Any("value", []any{value})))
		}
		if leaks(out.String()) {
			t.Errorf("%s: got %s, want no secret", name, out.String())
		}
	}
}

func TestTargetShowsItsPublicParts(t *testing.T) {
	secret := target("slack-prod")
	encoded, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "target", secret)
	for _, test := range []struct{ name, got, want string }{
		{"fmt", fmt.Sprintf("%v", secret), "target slack-prod (slack, https://hooks.slack.com, enabled=true)"},
		{"json", string(encoded), `{"name":"slack-prod","type":"slack","host":"https://hooks.slack.com","enabled":true}`},
		{"slog", log.String(), "target.name=slack-prod target.type=slack target.host=https://hooks.slack.com target.enabled=true"},
	} {
		if !strings.Contains(test.got, test.want) {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
	}
}

func TestHost(t *testing.T) {
	for _, test := range []struct{ name, url, want string }{
		{"a path and a query", "https://example.com:8443/" + canary + "?k=" + canary, "https://example.com:8443"},
		{"user info", "https://user:" + canary + "@example.com/", "https://example.com"},
		{"no host", "mailto:" + canary, "invalid"},
		{"not a URL", "https://%zz" + canary, "invalid"},
		{"empty", "", "invalid"},
	} {
		if got := (targetsfile.Target{URL: test.url}).Host(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
