package targetsfile

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// series makes the documents of one epoch.
type series struct {
	t          testing.TB
	path       string
	loader     loader
	generation uint64
	entries    []*Entry
}

func newSeries(t testing.TB, targets int) *series {
	t.Helper()
	s := &series{t: t, path: filepath.Join(t.TempDir(), "targets.json")}
	s.loader = loader{path: s.path, limit: MaxBytes, log: slog.New(slog.DiscardHandler)}
	s.entries = make([]*Entry, targets)
	for i := range targets {
		s.set(i, "https://example.com/first")
	}
	return s
}

// set changes one target.
func (s *series) set(i int, url string) {
	s.t.Helper()
	entry, err := NewEntry(Target{Name: fmt.Sprintf("t-%05d", i), Type: "webhook", URL: url, PayloadFormat: "webhook", Enabled: true,
		Headers: map[string]string{"Authorization": "Bearer 0123456789", "X-Team": "sre"}, Secret: "alerts/t", SecretUID: "5f1c"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.entries[i] = entry
}

// write writes the next generation.
func (s *series) write() {
	s.t.Helper()
	s.generation++
	doc := &Document{
		Epoch: "e", Generation: s.generation, Checksum: Checksum(s.entries), Entries: s.entries,
		ChangedAt: time.Unix(1, 0), RefreshedAt: time.Unix(1, 0), StaleAfter: time.Unix(1, 0),
	}
	var text bytes.Buffer
	if _, err := doc.WriteTo(&text); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path, text.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// load loads what was written and holds it to the entries.
func (s *series) load(current state) state {
	s.t.Helper()
	next := s.loader.load(current)
	if next.LastError != nil {
		s.t.Fatal(next.LastError)
	}
	if next.Snapshot.Len() != len(s.entries) {
		s.t.Fatalf("got %d targets, want %d", next.Snapshot.Len(), len(s.entries))
	}
	for i, e := range s.entries {
		if got := next.Snapshot.index.entries[i]; got.URL != e.URL || got.Name != e.Name || got.Headers["X-Team"] != "sre" {
			s.t.Fatalf("target %d is not that of generation %d", i, s.generation)
		}
	}
	return next
}

// TestLoadDecodesWhatChanged finds out by the headers, which are a map of its own for each target that is decoded.
func TestLoadDecodesWhatChanged(t *testing.T) {
	s := newSeries(t, 600)
	s.write()
	first := s.load(state{})
	s.set(0, "https://example.com/second")
	s.set(321, "https://example.com/second")
	s.write()
	second := s.load(first)
	s.set(321, "https://example.com/first") // as it was once, but not in the file before
	s.write()
	third := s.load(second)
	for name, c := range map[string]struct {
		before, after state
		want          map[int]bool
	}{
		"two targets":        {first, second, map[int]bool{0: true, 321: true}},
		"one of them, again": {second, third, map[int]bool{321: true}},
	} {
		t.Run(name, func(t *testing.T) {
			// What is written into a map shows whether the snapshots share it.
			for i := range s.entries {
				c.before.Snapshot.index.entries[i].Headers["mark"] = name
				if _, shared := c.after.Snapshot.index.entries[i].Headers["mark"]; shared == c.want[i] {
					t.Errorf("target %d: decoded again: %v, want %v", i, !shared, c.want[i])
				}
				delete(c.before.Snapshot.index.entries[i].Headers, "mark")
			}
		})
	}
}

// A target after the one that changed, came or went is not decoded either, only to be found the same as before: that would show in
// nothing but the time.
func TestLoadLooksIntoNothingElse(t *testing.T) {
	const targets = 600
	for name, change := range map[string]func(s *series){
		"the first changes": func(s *series) { s.set(0, "https://example.com/second") },
		"one changes":       func(s *series) { s.set(300, "https://example.com/second") },
		"one goes":          func(s *series) { s.entries = slices.Delete(s.entries, 300, 301) },
		"one comes": func(s *series) {
			s.entries = append(s.entries, s.entries[0])
			s.set(len(s.entries)-1, "https://example.com/second")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSeries(t, targets)
			s.write()
			first := s.load(state{})
			change(s)
			s.write()
			next := state{}
			got := testing.AllocsPerRun(1, func() {
				s.loader.accepted = 0 // else a second load would find the same bytes
				next = s.loader.load(first)
			})
			if next.LastError != nil || next.Snapshot == first.Snapshot {
				t.Fatalf("got error %v, want the next snapshot", next.LastError)
			}
			if got > targets {
				t.Errorf("got %v allocations, want a number that does not grow with that of the targets", got)
			}
		})
	}
}

// BenchmarkReloadOfAChange measures what BenchmarkReload does when one target differs from the file before.
func BenchmarkReloadOfAChange(b *testing.B) {
	for _, targets := range []int{20, 1_000, 10_000} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			s := newSeries(b, targets)
			s.write()
			current := s.load(state{})
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				s.set(targets/2, fmt.Sprintf("https://example.com/%d", s.generation))
				s.write()
				b.StartTimer()
				current = s.loader.load(current)
			}
			b.StopTimer()
			s.load(current)
		})
	}
}
