package targetsfile_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// numbered is a document of which each target carries its generation.
func numbered(t *testing.T, generation uint64, names ...string) []byte {
	t.Helper()
	doc := document(t, generation)
	for _, name := range names {
		x := target(name)
		x.URL = fmt.Sprintf("https://example.com/%d", generation)
		doc.Entries = append(doc.Entries, entry(t, x))
	}
	doc.Checksum = targetsfile.Checksum(doc.Entries)
	return encode(t, doc)
}

func generationOf(x targetsfile.Target, _ uint64) (generation uint64, err error) {
	_, err = fmt.Sscanf(x.URL, "https://example.com/%d", &generation)
	return generation, err
}

// Whoever sees a snapshot finds what is derived from it, or from a newer one: after WaitReady, and ever after.
func TestDerivedIsNeverOlderThanTheSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
	before := targetsfile.Derive(r, generationOf, nil)
	const last = 200
	var lookups sync.WaitGroup
	for range 4 {
		lookups.Add(1)
		go func() {
			defer lookups.Done()
			if err := r.WaitReady(t.Context()); err != nil {
				t.Error(err)
				return
			}
			late := targetsfile.Derive(r, generationOf, nil)
			for done := false; !done; {
				s := r.Snapshot()
				done = s.Generation() == last
				for _, m := range []*targetsfile.Map[uint64]{before, late} {
					if got, err := m.Get("a"); err != nil || got < s.Generation() {
						t.Errorf("got %d and error %v beside generation %d", got, err, s.Generation())
						return
					}
				}
			}
		}()
	}
	for generation := uint64(1); generation <= last; generation++ {
		rename(t, path, numbered(t, generation, "a", "b"))
		if generation%20 == 0 {
			serves(t, r, generation)
		}
	}
	lookups.Wait()
}

// A change that a consumer hears of is in the map already.
func TestDerivedIsThereBeforeItsChangeIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
	m := targetsfile.Derive(r, generationOf, nil)
	go rename(t, path, numbered(t, 1, "a"))
	for change := range r.Changes(t.Context()) {
		generation := change.To.Generation()
		if got, err := m.Get("a"); err != nil || got < generation {
			t.Errorf("got %d and error %v with the change to generation %d", got, err, generation)
		}
		if generation == 20 {
			break
		}
		rename(t, path, numbered(t, generation+1, "a"))
	}
}

// While build takes its time, lookups answer, from the map too, and a second snapshot waits.
func TestLookupsDoNotWaitForBuild(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path)
	entered, leave := make(chan struct{}), make(chan struct{})
	m := targetsfile.Derive(r, func(x targetsfile.Target, _ string) (string, error) {
		if x.Name == "b" {
			close(entered)
			<-leave
		}
		return x.Name, nil
	}, nil)
	rename(t, path, encode(t, document(t, 2, "a", "b")))
	<-entered
	if got, err := m.Get("a"); err != nil || got != "a" {
		t.Errorf("got %q and error %v, want a", got, err)
	}
	if _, err := r.Get("b"); err == nil || m.Len() != 1 || r.Status().Snapshot.Generation() != 1 {
		t.Error("got the new target before what is derived from it")
	}
	for range m.All() {
		for range r.All() {
		}
	}
	check(t, r.WaitReady(t.Context()))
	close(leave)
	serves(t, r, 2)
	if got, err := m.Get("b"); err != nil || got != "b" {
		t.Errorf("got %q and error %v, want b", got, err)
	}
}

// Derive and the end of the reader meet at any moment: the map answers from the last snapshot all the same.
func TestDeriveWhileTheReaderEnds(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := targetsfile.Open(ctx, path, targetsfile.WithoutWatch())
		check(t, err)
		var users sync.WaitGroup
		for range 3 {
			users.Add(1)
			go func() {
				defer users.Done()
				m := targetsfile.Derive(r, func(x targetsfile.Target, _ string) (string, error) { return x.Name, nil }, nil)
				if got, err := m.Get("a"); err != nil || got != "a" {
					t.Errorf("got %q and error %v, want a", got, err)
				}
			}()
		}
		cancel()
		users.Wait()
		check(t, r.Close())
	}
}

// What is derived may itself ask the reader, and a callback may derive.
func TestDeriveFromWithin(t *testing.T) {
	r := open(t, published(t, document(t, 1, "a")))
	done := make(chan struct{})
	stop := r.OnChange(func(targetsfile.Change) {
		defer close(done)
		m := targetsfile.Derive(r, func(x targetsfile.Target, _ uint64) (uint64, error) { return r.Snapshot().Generation(), nil }, nil)
		if got, err := m.Get("a"); err != nil || got != 1 {
			t.Errorf("got %d and error %v, want 1", got, err)
		}
	})
	<-done
	stop()
}
