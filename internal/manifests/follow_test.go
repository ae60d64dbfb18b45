package manifests_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
)

// world is what a follower looks at.
type world struct {
	mu    sync.Mutex
	state string

	changed func() // after a look that sees another state than the given one
	hinted  bool
	hints   chan struct{}
	looks   int
	reports []string
	start   time.Time
}

func (w *world) look(context.Context) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	state := w.state
	if state != "given" && w.changed != nil {
		w.changed()
	}
	return state, w.hinted
}

func (w *world) set(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
}

func (w *world) hint() {
	select {
	case w.hints <- struct{}{}:
	default:
	}
}

// report notes the state and when it was reported.
func (w *world) report(state string) {
	w.reports = append(w.reports, time.Since(w.start).String()+" "+state)
}

// tell notes when the follower tells that hints are missing.
func (w *world) tell() { w.reports = append(w.reports, time.Since(w.start).String()+" told") }

// follow runs a follower while play does, and a minute longer. It fails unless the reports are those wanted.
func follow(t *testing.T, w *world, play func(), want ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w.hints, w.start = make(chan struct{}, 1), time.Now()
		done := make(chan error)
		go func() { done <- manifests.Follow(ctx, w.hints, w.look, w.report, w.tell) }()
		synctest.Wait()
		play()
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
	if diff := cmp.Diff(want, w.reports); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
}

func TestFollowReports(t *testing.T) {
	nothing := func() {}
	t.Run("nothing while nothing changes", func(t *testing.T) {
		follow(t, &world{state: "given", hinted: true}, nothing)
	})
	t.Run("a state that differs already", func(t *testing.T) {
		follow(t, &world{state: "new", hinted: true}, nothing, "100ms new")
	})
	t.Run("a change 100 ms after its last hint", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() {
			for _, state := range []string{"half", "whole"} {
				w.set(state)
				w.hint()
				time.Sleep(90 * time.Millisecond)
			}
		}, "190ms whole")
	})
	t.Run("a change that never settles, every 2 s", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() {
			for i := range 45 {
				w.set(strconv.Itoa(i))
				w.hint()
				time.Sleep(99 * time.Millisecond)
			}
			w.set("end")
		}, "2s 20", "4.079s 41", "4.456s end")
	})
	t.Run("each state once", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() {
			for _, state := range []string{"given", "new", "new", "given"} {
				w.set(state)
				w.hint()
				time.Sleep(time.Second)
			}
		}, "1.1s new", "3.1s given")
	})
	t.Run("a change without a hint, at the next poll", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() { w.set("new") }, "5.1s new", "6.1s told")
	})
	t.Run("changes without hints, within a second until a hint comes, which is told once", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() {
			w.set("first")
			time.Sleep(10 * time.Second)
			w.set("second") // between polls at 9.1 s and 10.1 s
			time.Sleep(10 * time.Second)
			w.hint()
			time.Sleep(time.Second)
			w.set("third") // polls are at 20.1 s and 25.1 s
			time.Sleep(9 * time.Second)
			w.set("fourth")
		}, "5.1s first", "6.1s told", "10.2s second", "25.2s third", "30.3s fourth")
	})
	t.Run("a change whose hint is late, without doubts about the next", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() {
			w.set("first")
			time.Sleep(6 * time.Second)
			w.hint()
			time.Sleep(time.Second)
			w.set("second") // polls are at 6.1 s and 11.1 s
			time.Sleep(4500 * time.Millisecond)
			w.hint()
		}, "5.1s first", "11.2s second")
	})
	t.Run("a change that is undone before it settles, not at all", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		follow(t, w, func() {
			w.set("new")
			time.Sleep(5050 * time.Millisecond)
			w.set("given")
		})
	})
	t.Run("a change where hints cannot be had, within a second", func(t *testing.T) {
		w := &world{state: "given"}
		follow(t, w, func() { w.set("new") }, "1.1s new")
	})
	t.Run("a change while it looks, once more", func(t *testing.T) {
		w := &world{state: "given", hinted: true}
		w.changed = func() {
			w.state, w.changed = "newer", nil
			w.hint()
		}
		follow(t, w, func() { w.set("new"); w.hint() }, "100ms new", "200ms newer")
	})
}

func TestFollowDoesNotSpin(t *testing.T) {
	w := &world{state: "given", hinted: true}
	follow(t, w, func() {})
	if want := 13; w.looks > want {
		t.Errorf("got %d looks in a quiet minute, want at most %d", w.looks, want)
	}
	w = &world{state: "given", hinted: true}
	follow(t, w, func() {
		for range 1000 {
			w.hint()
			time.Sleep(time.Millisecond)
		}
	})
	if want := 15; w.looks > want {
		t.Errorf("got %d looks after a burst, want at most %d", w.looks, want)
	}
}
