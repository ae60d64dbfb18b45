package targetsfile

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Wherever a file is cut short, the snapshot is kept and the cut is told of; the whole file ends the trouble.
func TestLoaderKeepsItsSnapshotWhereverAFileIsCut(t *testing.T) {
	whole := func(generation uint64) []byte {
		entry, err := NewEntry(Target{Name: "a", URL: "https://example.com/[{\"\\", Headers: map[string]string{"X": "\\\""}})
		if err != nil {
			t.Fatal(err)
		}
		doc := &Document{
			Epoch: "e", Generation: generation, Checksum: Checksum([]*Entry{entry}), Entries: []*Entry{entry},
			ChangedAt: time.Unix(1, 0), RefreshedAt: time.Unix(1, 0), StaleAfter: time.Unix(1, 0),
		}
		var buf bytes.Buffer
		if _, err := doc.WriteTo(&buf); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	path := filepath.Join(t.TempDir(), "targets.json")
	l := loader{path: path, limit: MaxBytes, log: slog.New(slog.DiscardHandler)}
	load := func(current state, content []byte) state {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return l.load(current)
	}
	first := load(state{}, whole(1))
	if first.Snapshot == nil {
		t.Fatal(first.LastError)
	}
	second := bytes.TrimSpace(whole(2))
	current := first
	for n := range second {
		current = load(current, second[:n])
		want := ReasonSyntax
		if n == 0 {
			want = ReasonEmpty
		}
		var refusal *LoadError
		if current.Snapshot != first.Snapshot || !errors.As(current.LastError, &refusal) || refusal.Reason != want {
			t.Errorf("cut at byte %d: got %v and error %v, want the first snapshot and %s", n, current.Snapshot, current.LastError, want)
		}
	}
	if current.ConsecutiveFailures != len(second) {
		t.Errorf("got %d failures, want %d", current.ConsecutiveFailures, len(second))
	}
	if current = load(current, second); current.LastError != nil || current.Snapshot.Generation() != 2 {
		t.Errorf("whole again: got %v and error %v, want generation 2", current.Snapshot, current.LastError)
	}
}
