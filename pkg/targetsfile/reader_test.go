package targetsfile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestOpenNamesAllInvalidArguments(t *testing.T) {
	_, err := targetsfile.Open(t.Context(), "",
		targetsfile.WithPollInterval(0),
		targetsfile.WithMaxAge(-time.Second),
		targetsfile.WithMaxBytes(targetsfile.MaxBytes+1),
		targetsfile.WithLogger(nil),
	)
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for _, want := range []string{
		"path is empty",
		"poll interval is 0s, must be at least 1ms",
		"max age is -1s, must be positive",
		"max bytes is 67108865, must be from 1 to 67108864",
		"logger is nil",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestOpenServesAFileThatIsThere(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path)
	if got, err := r.Get("a"); err != nil || got.Name != "a" {
		t.Errorf("got %v and error %v, want the target", got, err)
	}
	if _, err := r.Get("b"); !errors.Is(err, targetsfile.ErrNotFound) {
		t.Errorf("unknown name: got error %v, want ErrNotFound", err)
	}
}

func TestPathIsFixedAtOpen(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	rename(t, "targets.json", encode(t, document(t, 1, "a")))
	r := open(t, "x/../targets.json", targetsfile.WithPollInterval(time.Millisecond))
	t.Chdir(t.TempDir())
	rename(t, filepath.Join(dir, "targets.json"), encode(t, document(t, 2, "a")))
	serves(t, r, 2)
}

func TestNothingIsKnownBeforeTheFirstSnapshot(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "targets.json"), targetsfile.WithoutWatch())
	if _, err := r.Get("a"); !errors.Is(err, targetsfile.ErrNotReady) {
		t.Errorf("Get: got error %v, want ErrNotReady", err)
	}
	if s := r.Snapshot(); s != nil || len(names(r.All())) != 0 || len(names(r.ByType("slack"))) != 0 {
		t.Errorf("got %v, want no snapshot and no targets", s)
	}
	if s := r.Status(); s.Ready || s.Stale || s.Age != 0 {
		t.Errorf("got %+v, want neither ready nor stale", s)
	}
}

func TestWaitReadyAnswersWithTheFirstSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	r := open(t, path)
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			if err := r.WaitReady(t.Context()); err != nil {
				t.Errorf("got %v, want no error", err)
			}
			if _, err := r.Get("a"); err != nil {
				t.Errorf("Get: got %v, want no error", err)
			}
		}()
	}
	rename(t, path, encode(t, document(t, 1, "a")))
	waiting.Wait()
}

func TestWaitReadySaysWhyItEnded(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "targets.json")

	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := open(t, absent).WaitReady(ctx)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, targetsfile.ErrNotReady) {
			t.Errorf("got %v, want ErrNotReady and context.Canceled", err)
		}
		refused(t, err, targetsfile.ReasonMissing)
	})
	t.Run("context with a cause", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the pod is drained")
		cancel(cause)
		if err := open(t, absent).WaitReady(ctx); !errors.Is(err, cause) || !errors.Is(err, targetsfile.ErrNotReady) {
			t.Errorf("got %v, want ErrNotReady and the cause", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		r := open(t, absent)
		r.Close()
		if err := r.WaitReady(t.Context()); !errors.Is(err, targetsfile.ErrClosed) || !errors.Is(err, targetsfile.ErrNotReady) {
			t.Errorf("got %v, want ErrNotReady and ErrClosed", err)
		}
	})
	t.Run("closed while it waits", func(t *testing.T) {
		r := open(t, absent)
		result := make(chan error)
		go func() { result <- r.WaitReady(t.Context()) }()
		r.Close()
		if err := <-result; !errors.Is(err, targetsfile.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
	t.Run("closed when it was ready", func(t *testing.T) {
		path := published(t, document(t, 1, "a"))
		r := open(t, path)
		r.Close()
		if err := r.WaitReady(t.Context()); err != nil {
			t.Errorf("got %v, want no error", err)
		}
	})
}

func TestLookupsGoOnAfterClose(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path)
	eventually(t, r, "the reader watches", func() bool { return r.Status().Watching })
	for range 2 { // Close may be called more than once
		check(t, r.Close())
	}
	check(t, os.Remove(path))
	if _, err := r.Get("a"); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	if s := r.Status(); !s.Ready || s.Watching || s.LastError != nil {
		t.Errorf("got %+v, want ready and no longer watching", s)
	}
}

func TestEndOfTheContextCloses(t *testing.T) {
	for _, opts := range [][]targetsfile.Option{nil, {targetsfile.WithoutWatch()}} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := targetsfile.Open(ctx, filepath.Join(t.TempDir(), "targets.json"), opts...)
		check(t, err)
		cancel()
		if err := r.WaitReady(t.Context()); !errors.Is(err, targetsfile.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
}

// Everything at once, for the race detector: the file is replaced as fast as possible, readers check that what they see is of one
// piece, and Close comes from several sides in the middle of it.
func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	files := [][]byte{}
	for generation := range uint64(60) {
		doc := document(t, generation+1, "a", "b", "c")
		for i := range doc.Entries {
			x := target(doc.Entries[i].Name)
			x.SecretUID = doc.Epoch[:8] + string(rune('a'+generation%26))
			x.URL = fmt.Sprintf("https://example.com/%d", generation/7)
			doc.Entries[i] = entry(t, x)
		}
		doc.Checksum = targetsfile.Checksum(doc.Entries)
		files = append(files, encode(t, doc))
	}
	rename(t, path, files[0])
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))

	var users sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		users.Add(1)
		go func() {
			defer users.Done()
			held := map[string]string{}
			for change := range r.Changes(t.Context()) {
				fold(t, held, change)
			}
		}()
		r.OnChange(func(c targetsfile.Change) {
			if told(targetsfile.Diff(c.From, c.To)) != told(c) {
				t.Errorf("got %v, want the difference of its snapshots", c)
			}
		})
	}
	for range 8 {
		users.Add(1)
		go func() {
			defer users.Done()
			last := uint64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := r.Snapshot()
				if s.Generation() < last {
					t.Errorf("got generation %d after %d", s.Generation(), last)
				}
				last = s.Generation()
				a, _ := s.Get("a")
				for x := range s.All() {
					if x.SecretUID != a.SecretUID {
						t.Errorf("got targets of two documents in one snapshot: %s and %s", x.SecretUID, a.SecretUID)
					}
				}
				if s := r.Status(); !s.Ready || s.Stale || s.Snapshot.Generation() < last || r.Healthy() != nil {
					t.Errorf("got %+v, want ready, fresh and no older than before", s)
				}
			}
		}()
	}
	for _, file := range files {
		rename(t, path, file)
	}
	serves(t, r, uint64(len(files)))
	for _, file := range files[:3] { // Close meets loads
		rename(t, path, file)
		users.Add(1)
		go func() {
			defer users.Done()
			r.Close()
		}()
	}
	close(stop)
	users.Wait()
}

// Close may come at any moment of a reader's life, from several sides.
func TestCloseAtAnyMoment(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	files := [][]byte{encode(t, document(t, 2, "a")), encode(t, document(t, 3, "a", "b")), []byte("{")}
	for moment := range 200 {
		r, err := targetsfile.Open(t.Context(), path, targetsfile.WithPollInterval(time.Millisecond))
		check(t, err)
		var closers sync.WaitGroup
		for range 2 {
			closers.Add(1)
			go func() {
				defer closers.Done()
				for range moment {
					runtime.Gosched()
				}
				r.Close()
				if _, err := r.Get("a"); err != nil && r.Snapshot() != nil {
					t.Errorf("after Close: got %v, want the target", err)
				}
			}()
		}
		rename(t, path, files[moment%len(files)])
		closers.Wait()
		check(t, r.Close())
	}
}
