package targetsfile_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// consumer ranges over Changes on a goroutine of its own. Its body ends each time when the test lets it.
type consumer struct {
	changes chan targetsfile.Change
	next    chan struct{}
	ended   chan struct{}
}

func consume(ctx context.Context, r *targetsfile.Reader) *consumer {
	c := &consumer{changes: make(chan targetsfile.Change), next: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		for change := range r.Changes(ctx) {
			c.changes <- change
			<-c.next
		}
	}()
	return c
}

func TestChanges(t *testing.T) {
	newEpoch := document(t, 1, "a", "x")
	newEpoch.Epoch = "7d3f6c1e-0b52-4f0e-8e6a-1f2d3c4b5a69"
	kept := document(t, 2, "a", "b")
	kept.Entries[0] = kept.Entries[0].Stale(kept.ChangedAt)
	kept.Checksum = targetsfile.Checksum(kept.Entries)
	heartbeat := document(t, 1, "a", "b")

	for _, test := range []struct {
		name  string
		files []*targetsfile.Document // while the consumer is busy with its first change
		want  string                  // its second
	}{
		{"one more", []*targetsfile.Document{document(t, 2, "a", "b", "c")}, "+c"},
		{"several merged into one", []*targetsfile.Document{document(t, 2, "a"), document(t, 3, "a", "c"), document(t, 4, "c", "d")}, "+c +d -a -b"},
		{"none left", []*targetsfile.Document{document(t, 2)}, "-a -b"},
		{"of a new epoch", []*targetsfile.Document{newEpoch}, "+x -b"},
		{"after a heartbeat", []*targetsfile.Document{heartbeat, document(t, 2, "b")}, "-a"},
		{"after a target became stale", []*targetsfile.Document{kept, document(t, 3, "a", "b", "c")}, "+c"},
		{"after one came and went", []*targetsfile.Document{document(t, 2, "a", "b", "c"), document(t, 3, "a", "b"), document(t, 4, "b")}, "-a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := published(t, document(t, 1, "a", "b"))
			r := open(t, path, targetsfile.WithPollInterval(1e6))
			c := consume(t.Context(), r)
			first := <-c.changes
			if first.From != nil || first.To != r.Snapshot() || told(first) != "+a +b" {
				t.Errorf("first: got %q from %v, want +a +b from nothing", told(first), first.From)
			}
			for _, doc := range test.files {
				rename(t, path, encode(t, doc))
				eventually(t, r, "the file is served while the consumer is busy", func() bool {
					s := r.Snapshot()
					return s.Checksum() == doc.Checksum && s.Epoch() == doc.Epoch && s.Generation() == doc.Generation
				})
			}
			c.next <- struct{}{}
			second := <-c.changes
			if second.From != first.To || second.To != r.Snapshot() || told(second) != test.want {
				t.Errorf("second: got %q to %v, want %q to %v", told(second), second.To, test.want, r.Snapshot())
			}
			r.Close()
			c.next <- struct{}{}
			<-c.ended
		})
	}
}

// A consumer that waits hears nothing of what is no change to it: the next that it hears of is the real one.
func TestNoChangeIsNotDelivered(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path, targetsfile.WithPollInterval(1e6))
	c := consume(t.Context(), r)
	first := <-c.changes
	c.next <- struct{}{}

	moved := document(t, 2, "a")
	moved.Entries[0] = entry(t, func() targetsfile.Target { x := target("a"); x.Secret = "elsewhere/a"; return x }())
	moved.Checksum = targetsfile.Checksum(moved.Entries)
	for _, doc := range []*targetsfile.Document{document(t, 1, "a"), moved, document(t, 3, "a")} {
		rename(t, path, encode(t, doc))
		eventually(t, r, "the file is served", func() bool { return r.Snapshot().RefreshedAt().Equal(doc.RefreshedAt) })
	}
	rename(t, path, []byte("{"))
	eventually(t, r, "a damaged file is refused", func() bool { return r.Status().LastError != nil })
	rename(t, path, encode(t, document(t, 4, "a", "b")))
	if second := <-c.changes; second.From != first.To || told(second) != "+b" {
		t.Errorf("got %q from %v, want +b from %v", told(second), second.From, first.To)
	}
	r.Close()
	c.next <- struct{}{}
	<-c.ended
}

func TestFirstChangeComesWithTheFirstSnapshot(t *testing.T) {
	for _, test := range []struct {
		name  string
		names []string
	}{
		{"with targets", []string{"a"}},
		{"without", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "targets.json")
			r := open(t, path)
			go rename(t, path, encode(t, document(t, 1, test.names...)))
			for change := range r.Changes(t.Context()) {
				if change.From != nil || change.To == nil || len(change.Added) != len(test.names) {
					t.Errorf("got %v from %v, want the first snapshot", change, change.From)
				}
				break
			}
		})
	}
}

func TestChangesEnd(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(r *targetsfile.Reader, cancel context.CancelFunc)
	}{
		{"with the context", func(_ *targetsfile.Reader, cancel context.CancelFunc) { cancel() }},
		{"with the reader", func(r *targetsfile.Reader, _ context.CancelFunc) { r.Close() }},
	} {
		t.Run(test.name+", waiting", func(t *testing.T) {
			r := open(t, published(t, document(t, 1, "a")))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := consume(ctx, r)
			<-c.changes
			c.next <- struct{}{}
			test.end(r, cancel)
			<-c.ended
		})
		t.Run(test.name+", within the loop", func(t *testing.T) {
			r := open(t, published(t, document(t, 1, "a")))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range r.Changes(ctx) {
				test.end(r, cancel)
			}
		})
		t.Run(test.name+", before it begins", func(t *testing.T) {
			r := open(t, published(t, document(t, 1, "a")))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.end(r, cancel)
			for change := range r.Changes(ctx) {
				t.Errorf("got %v, want nothing", change)
			}
		})
	}
}

// Whatever a consumer misses, folding what it hears of gives what the reader serves.
func TestFoldedChangesAreTheSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	r := open(t, path, targetsfile.WithPollInterval(1e6))
	const last = 200
	var consumers sync.WaitGroup
	for slow := range 3 {
		consumers.Add(1)
		go func() {
			defer consumers.Done()
			held, generation := map[string]string{}, uint64(0)
			for change := range r.Changes(t.Context()) {
				if change.To.Generation() <= generation {
					t.Errorf("got generation %d after %d", change.To.Generation(), generation)
				}
				generation = change.To.Generation()
				fold(t, held, change)
				if want := urls(change.To); !maps.Equal(held, want) {
					t.Errorf("generation %d: got %v, want %v", generation, held, want)
				}
				for range slow { // misses some
					r.WaitReady(t.Context())
				}
				if generation == last {
					return
				}
			}
		}()
	}
	for generation := uint64(1); generation <= last; generation++ {
		doc := document(t, generation)
		for i := range 12 {
			if (generation>>(i%4))%3 == uint64(i%3) || generation == last && i == 0 {
				x := target(nth(i))
				x.URL = fmt.Sprintf("https://example.com/%d", generation/uint64(i+1))
				doc.Entries = append(doc.Entries, entry(t, x))
			}
		}
		extra := target("z")
		extra.URL = fmt.Sprintf("https://example.com/%d", generation) // each generation is a change
		doc.Entries = append(doc.Entries, entry(t, extra))
		doc.Checksum = targetsfile.Checksum(doc.Entries)
		rename(t, path, encode(t, doc))
		if generation%10 == 0 {
			serves(t, r, generation)
		}
	}
	consumers.Wait()
}

func TestEachLoopIsAConsumerOfItsOwn(t *testing.T) {
	r := open(t, published(t, document(t, 1, "a")))
	changes := r.Changes(t.Context())
	var got []string
	for range 2 {
		for change := range changes {
			got = append(got, told(change))
			break
		}
	}
	if want := []string{"+a", "+a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
