package torture_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// TestTheWitnessSees shows a witness each fault that it has to see, one at a time.
func TestTheWitnessSees(t *testing.T) {
	good := snapshot(t, "e", 7, 5)
	for name, c := range map[string]struct {
		then []byte
		want string
	}{
		"a torn file":      {good[:len(good)/2], "does not end as it should"},
		"an empty file":    {nil, "is empty"},
		"a changed target": {bytes.Replace(good, []byte("com/5"), []byte("com/6"), 1), "checksum"},
		"another epoch":    {snapshot(t, "f", 8, 6), "epoch f follows e"},
		"an older state":   {snapshot(t, "e", 6, 5), "generation 6 follows 7"},
		"two contents":     {snapshot(t, "e", 7, 6), "has two contents"},
		"an older target":  {snapshot(t, "e", 8, 4), "has a at 4 after 5"},
		"wrong counts":     {bytes.Replace(good, []byte(`"targets_valid": 1`), []byte(`"targets_valid": 0`), 1), "counts do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			var seen strings.Builder
			w := &witness{t: t, report: func(format string, args ...any) { fmt.Fprintf(&seen, format+"\n", args...) }}
			w.check(good)
			if seen.Len() > 0 {
				t.Fatalf("of a good file it says %s", seen.String())
			}
			w.check(c.then)
			if !strings.Contains(seen.String(), c.want) {
				t.Errorf("got %q, want something with %q", seen.String(), c.want)
			}
		})
	}
}

// TestTheWitnessLooks has a witness look at a real file, which lacks a target, is written into, and goes.
func TestTheWitnessLooks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	good := snapshot(t, "e", 1, 1)
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1<<16)
	w := &witness{t: t, path: path, keeps: []string{"b"}, report: func(format string, args ...any) { said <- fmt.Sprintf(format, args...) }}
	w.begin()
	defer w.end()
	for _, step := range []struct {
		want string
		then func() error
	}{
		{"has lost b", func() error {
			return os.WriteFile(path, bytes.Replace(good, []byte("com/1"), []byte("com/2"), 1), 0o600)
		}},
		{"checksum", func() error { return os.Remove(path) }},
		{"cannot be read", func() error { return nil }},
	} {
		for !strings.Contains(<-said, step.want) {
			continue
		}
		if err := step.then(); err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot is a file of one target.
func snapshot(t *testing.T, epoch string, generation uint64, number int) []byte {
	t.Helper()
	entry, err := targetsfile.NewEntry(targetsfile.Target{Name: "a", Type: "webhook", PayloadFormat: "webhook", Enabled: true,
		URL: fmt.Sprintf("https://example.com/%d", number), Secret: "n/a"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := targetsfile.Document{Epoch: epoch, Generation: generation, ChangedAt: at, RefreshedAt: at, StaleAfter: at,
		Source: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "/"}, Discovered: 1, Valid: 1,
		Entries: []*targetsfile.Entry{entry}, Checksum: targetsfile.Checksum([]*targetsfile.Entry{entry})}
	var out bytes.Buffer
	if _, err := d.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
