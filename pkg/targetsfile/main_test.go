package targetsfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/internal/leak"
)

func TestMain(m *testing.M) { leak.VerifyTestMain(m) }

const epoch = "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11"

// canary stands for every secret part of a target: it must never be seen outside the file.
const canary = "xoxb-CANARY"

// target returns a Slack target whose secret parts all hold the canary.
func target(name string) targetsfile.Target {
	return targetsfile.Target{
		Name:          name,
		Type:          "slack",
		URL:           "https://hooks.slack.com/services/" + canary,
		PayloadFormat: "slack",
		Enabled:       true,
		Headers:       map[string]string{"Authorization": "Bearer " + canary},
		FilterConfig:  json.RawMessage(`{"min":1.50,"token":"` + canary + `"}`),
		Extra:         map[string]json.RawMessage{"note": json.RawMessage(`"` + canary + `"`)},
		Secret:        "alert-history/" + name,
		SecretUID:     "5f1c0d6e-8f5e-4d0b-9c57-0a4b8a4e1c55",
	}
}

func entry(t testing.TB, target targetsfile.Target) *targetsfile.Entry {
	t.Helper()
	e, err := targetsfile.NewEntry(target)
	check(t, err)
	return e
}

// document returns a fresh document with a target of each name, which must be ascending.
func document(t testing.TB, generation uint64, names ...string) *targetsfile.Document {
	t.Helper()
	entries := make([]*targetsfile.Entry, len(names))
	for i, name := range names {
		entries[i] = entry(t, target(name))
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &targetsfile.Document{
		Epoch: epoch, Generation: generation, Checksum: targetsfile.Checksum(entries),
		ChangedAt: now, RefreshedAt: now, StaleAfter: now.Add(10 * time.Minute),
		Source: targetsfile.Source{
			Kind: targetsfile.SourceKubernetes, Namespaces: []string{"alert-history"}, LabelSelector: "publishing-target=true",
		},
		Discovered: len(entries), Valid: len(entries), Entries: entries,
	}
}

func encode(t testing.TB, doc *targetsfile.Document) []byte {
	t.Helper()
	var buf bytes.Buffer
	_, err := doc.WriteTo(&buf)
	check(t, err)
	return buf.Bytes()
}

// rename puts content at path in the way of the sidecar: a file beside it, renamed over it.
func rename(t testing.TB, path string, content []byte) {
	t.Helper()
	temp, err := os.CreateTemp(filepath.Dir(path), ".targets.json*")
	check(t, err)
	_, err = temp.Write(content)
	check(t, err, temp.Close(), os.Rename(temp.Name(), path))
}

// published returns the path of a file with doc in a directory of its own.
func published(t testing.TB, doc *targetsfile.Document) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "targets.json")
	rename(t, path, encode(t, doc))
	return path
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// open opens a reader that is closed with the test.
func open(t testing.TB, path string, opts ...targetsfile.Option) *targetsfile.Reader {
	t.Helper()
	r, err := targetsfile.Open(t.Context(), path, opts...)
	check(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// eventually waits for a condition that has no channel, until shortly before the test binary's own deadline.
func eventually(t *testing.T, r *targetsfile.Reader, what string, ok func() bool) {
	t.Helper()
	var expired <-chan time.Time
	if deadline, has := t.Deadline(); has {
		timer := time.NewTimer(time.Until(deadline) - 2*time.Second)
		defer timer.Stop()
		expired = timer.C
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-expired:
			t.Fatalf("never happened: %s; the reader's status is %+v", what, r.Status())
		}
	}
}

// serves waits until the reader answers from a generation.
func serves(t *testing.T, r *targetsfile.Reader, generation uint64) {
	t.Helper()
	eventually(t, r, fmt.Sprintf("generation %d is served", generation), func() bool {
		s := r.Snapshot()
		return s != nil && s.Generation() == generation
	})
}
