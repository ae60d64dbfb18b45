package targetsfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func stamp(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	check(t, err)
	return at
}

// full returns a document that uses every field.
func full(t testing.TB) *targetsfile.Document {
	t.Helper()
	pager := entry(t, targetsfile.Target{
		Name: "pager", Type: "pagerduty", URL: "https://events.pagerduty.com/v2?a=1&b=<2>", PayloadFormat: "pagerduty",
		Secret: "alert-history/pager",
	}).Stale(stamp(t, "2026-01-02T10:00:00.1239Z"))
	slack := entry(t, targetsfile.Target{
		Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0", PayloadFormat: "slack", Enabled: true,
		Headers:      map[string]string{"X-B": "2", "X-A": "ü"},
		FilterConfig: json.RawMessage(`{"z": 1.50, "a": [1e3]}`),
		Extra:        map[string]json.RawMessage{"metadata": json.RawMessage(`{"team": null}`)},
		Secret:       "alert-history/slack-prod", SecretUID: "5f1c",
	})
	entries := []*targetsfile.Entry{pager, slack}
	return &targetsfile.Document{
		Epoch: epoch, Generation: 42, Checksum: targetsfile.Checksum(entries),
		ChangedAt:   stamp(t, "2026-01-02T11:30:45.1239+01:00"),
		RefreshedAt: stamp(t, "2026-01-02T10:35:45Z"),
		StaleAfter:  stamp(t, "2026-01-02T10:45:45Z"),
		Source: targetsfile.Source{
			Kind: targetsfile.SourceKubernetes, Namespaces: []string{"alert-history"}, LabelSelector: "publishing-target=true",
		},
		Discovered: 3, Valid: 1, Invalid: 2, Entries: entries,
		Rejections: []targetsfile.Rejection{
			{
				Secret: "alert-history/broken", Reason: targetsfile.RejectValidate,
				Message: "url: must be an absolute http or https URL", Serving: targetsfile.ServingNothing,
			},
			{
				Secret: "alert-history/pager", Reason: targetsfile.RejectParse,
				Message: "not <JSON> & not flat", Serving: targetsfile.ServingLastGood,
			},
		},
	}
}

const fullText = `{
  "schema_version": 1,
  "epoch": "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", "generation": 42,
  "checksum": "sha256:CHECKSUM",
  "changed_at": "2026-01-02T10:30:45.123Z", "refreshed_at": "2026-01-02T10:35:45.000Z", "stale_after": "2026-01-02T10:45:45.000Z",
  "source": {"kind": "kubernetes", "namespaces": ["alert-history"], "label_selector": "publishing-target=true"},
  "targets_discovered": 3, "targets_valid": 1, "targets_invalid": 2,
  "targets": [
    {"name":"pager","type":"pagerduty","url":"https://events.pagerduty.com/v2?a=1&b=<2>","format":"pagerduty","enabled":false,"headers":{},"filter_config":{},"secret":"alert-history/pager","stale_since":"2026-01-02T10:00:00.123Z"},
    {"name":"slack-prod","type":"slack","url":"https://hooks.slack.com/services/T0","format":"slack","enabled":true,"headers":{"X-A":"ü","X-B":"2"},"filter_config":{"z":1.50,"a":[1e3]},"extra":{"metadata":{"team":null}},"secret":"alert-history/slack-prod","secret_uid":"5f1c"}
  ],
  "invalid": [
    {"secret":"alert-history/broken","reason":"validate","message":"url: must be an absolute http or https URL","serving":"nothing"},
    {"secret":"alert-history/pager","reason":"parse","message":"not <JSON> & not flat","serving":"last_good"}
  ]
}
`

const emptyText = `{
  "schema_version": 1,
  "epoch": "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", "generation": 1,
  "checksum": "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
  "changed_at": "2026-01-02T10:30:45.000Z", "refreshed_at": "2026-01-02T10:30:45.000Z", "stale_after": "2026-01-02T10:40:45.000Z",
  "source": {"kind": "manifests", "path": "secrets.yaml"},
  "targets_discovered": 0, "targets_valid": 0, "targets_invalid": 0,
  "targets": [],
  "invalid": []
}
`

func TestDocumentIsWrittenByteForByte(t *testing.T) {
	at := stamp(t, "2026-01-02T10:30:45Z")
	empty := &targetsfile.Document{
		Epoch: epoch, Generation: 1, Checksum: targetsfile.Checksum(nil),
		ChangedAt: at, RefreshedAt: at, StaleAfter: at.Add(10 * time.Minute),
		Source: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "secrets.yaml"},
	}
	for _, test := range []struct {
		name string
		doc  *targetsfile.Document
		want string
	}{
		{"every field", full(t), strings.Replace(fullText, "sha256:CHECKSUM", oracleChecksum(t, []byte(fullText)), 1)},
		{"no targets", empty, emptyText},
	} {
		t.Run(test.name, func(t *testing.T) {
			var buf bytes.Buffer
			n, err := test.doc.WriteTo(&buf)
			if err != nil || n != int64(buf.Len()) {
				t.Errorf("got %d bytes and error %v, want %d and none", n, err, buf.Len())
			}
			if buf.String() != test.want {
				t.Errorf("got file\n%s\nwant\n%s", buf.String(), test.want)
			}
		})
	}
}

// oracleChecksum computes the checksum as section 5 of the specification has it, from the raw targets value of a file.
func oracleChecksum(t testing.TB, file []byte) string {
	t.Helper()
	var fields map[string]json.RawMessage
	check(t, json.Unmarshal(file, &fields))
	var compact bytes.Buffer
	check(t, json.Compact(&compact, fields["targets"]))
	return fmt.Sprintf("sha256:%x", sha256.Sum256(compact.Bytes()))
}

func TestAllNamespacesAreAnEmptyList(t *testing.T) {
	doc := full(t)
	doc.Source.Namespaces = []string{}
	want := `"source": {"kind": "kubernetes", "namespaces": [], "label_selector": "publishing-target=true"}`
	if got := string(encode(t, doc)); !strings.Contains(got, want) {
		t.Errorf("got %s, want a line %s", got, want)
	}
}

func TestDecodedDocumentIsTheEncodedOne(t *testing.T) {
	for _, want := range []*targetsfile.Document{full(t), document(t, 1), document(t, 7, "a", "b", "c")} {
		file := encode(t, want)
		got, err := targetsfile.Decode(file)
		check(t, err)
		sameDocument(t, got, want)
		if again := encode(t, got); !bytes.Equal(again, file) {
			t.Errorf("encoded again: got %s, want %s", again, file)
		}
	}
}

// sameDocument compares all but the form of JSON values, which a file has compact, and what lies below a millisecond.
func sameDocument(t *testing.T, got, want *targetsfile.Document) {
	t.Helper()
	if got, want := fields(got), fields(want); got != want {
		t.Errorf("got document\n%s\nwant\n%s", got, want)
	}
}

// fields spells out a document field by field, which its methods do not.
func fields(doc *targetsfile.Document) string {
	type plain targetsfile.Document
	head := plain(*doc)
	head.ChangedAt, head.RefreshedAt, head.StaleAfter = milliseconds(doc.ChangedAt), milliseconds(doc.RefreshedAt), milliseconds(doc.StaleAfter)
	head.Entries = nil
	lines := []string{fmt.Sprintf("%+v", head)}
	for _, e := range doc.Entries {
		type plain targetsfile.Target
		target, extra := plain(e.Target), map[string]string{}
		for key, value := range target.Extra {
			extra[key] = compacted(value)
		}
		target.StaleSince = milliseconds(target.StaleSince)
		filter := compacted(target.FilterConfig)
		target.FilterConfig, target.Extra = nil, nil
		lines = append(lines, fmt.Sprintf("%+v filter=%s extra=%v", target, filter, extra))
	}
	return strings.Join(lines, "\n")
}

func milliseconds(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

func compacted(raw json.RawMessage) string {
	var buf bytes.Buffer
	if json.Compact(&buf, raw) != nil {
		return string(raw)
	}
	return buf.String()
}

func TestWritingFailsWithTheWriter(t *testing.T) {
	_, err := full(t).WriteTo(brokenWriter{})
	if !errors.Is(err, errDiskFull) {
		t.Errorf("got error %v, want %v", err, errDiskFull)
	}
}

var errDiskFull = errors.New("disk full")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errDiskFull }

// Whatever an Encoder wrote before, and whether that succeeded: a file has the checksum of its targets, and is what WriteTo writes. Some are hashed
// while they are written.
func TestEncoderWritesFiles(t *testing.T) {
	var encoder targetsfile.Encoder
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("target-%05d", i)
	}
	all := document(t, 1, names...).Entries
	path := filepath.Join(t.TempDir(), "targets.json")
	for _, targets := range []int{0, 3, 10_000, 9_999, 3} {
		d := document(t, 1)
		d.Entries = all[:targets]
		file, err := os.Create(path)
		check(t, err, file.Close())
		if _, err := encoder.WriteFile(d, file); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%d targets: got error %v from a closed file", targets, err)
		}
		file, err = os.Create(path)
		check(t, err)
		size, err := encoder.WriteFile(d, file)
		check(t, err, file.Close())
		got, err := os.ReadFile(path)
		check(t, err)
		if _, err := targetsfile.Decode(got); err != nil || size != int64(len(got)) || !bytes.Equal(got, encode(t, d)) {
			t.Errorf("%d targets: got a file of %d bytes, told as %d, that reads as %v", targets, len(got), size, err)
		}
	}
}

func TestSourceEqual(t *testing.T) {
	base := targetsfile.Source{Kind: "kubernetes", Namespaces: []string{"a"}, LabelSelector: "x=y", Path: "p"}
	for _, test := range []struct {
		name   string
		change func(*targetsfile.Source)
		want   bool
	}{
		{"same", func(s *targetsfile.Source) { s.Namespaces = []string{"a"} }, true},
		{"kind", func(s *targetsfile.Source) { s.Kind = "manifests" }, false},
		{"namespaces", func(s *targetsfile.Source) { s.Namespaces = nil }, false},
		{"selector", func(s *targetsfile.Source) { s.LabelSelector = "" }, false},
		{"path", func(s *targetsfile.Source) { s.Path = "" }, false},
	} {
		other := base
		test.change(&other)
		if got := base.Equal(other); got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, got, test.want)
		}
	}
}
