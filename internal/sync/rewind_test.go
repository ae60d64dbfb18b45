package sync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// TestAnAPIServerThatGoesBackIsFollowed: its etcd was restored from a backup, so that the watch is deaf, although it is open.
func TestAnAPIServerThatGoesBackIsFollowed(t *testing.T) {
	const told = "the API server has gone back to an older state, which is published as the present one"
	cases := map[string]struct {
		back   func(h *harness) // while the state goes back; the watch is open again or still afterwards
		within time.Duration
	}{
		"found by the check of a watch that is open again": {
			back:   func(h *harness) { h.live.cut(ended(source.WatchBroken), nil) },
			within: 10 * time.Second,
		},
		"found by a check after checks that failed": {
			back: func(h *harness) {
				h.cluster.fail(transient())
				h.live.cut(ended(source.WatchBroken), nil)
				h.pass(30 * time.Second)
				h.cluster.fail(nil)
			},
			within: 10 * time.Second,
		},
		"found by the periodic refresh": {back: func(*harness) {}, within: 3 * time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				backup := h.cluster.version
				h.edit("a", "https://a2")
				h.edit("b", "https://b")
				h.pass(time.Second)
				before := h.published()
				h.live.restore(backup)
				c.back(h)
				h.pass(c.within)
				h.expectNames("a")
				h.expectURL("a", "https://a")
				if got := h.published(); got.Epoch != before.Epoch || got.Generation != before.Generation+1 {
					t.Errorf("got generation %d, want the older state as the next one after %d", got.Generation, before.Generation)
				}
				h.edit("c", "https://c")
				h.pass(100 * time.Millisecond)
				h.expectNames("a c")
				h.pass(10 * time.Minute)
				if lines := len(h.logLines(told)); lines != 1 {
					t.Errorf("got %d lines, want 1", lines)
				}
			})
		})
	}
}

// TestAVersionThatCameTwiceIsDecodedTwice: after a restore an object can have a version that it had before, with other content.
func TestAVersionThatCameTwiceIsDecodedTwice(t *testing.T) {
	watching(t, nil, func(h *harness) {
		backup := h.cluster.version
		h.edit("a", "https://former")
		h.live.cut(ended(source.WatchBroken), ended(source.WatchBroken))
		h.live.restore(backup)
		h.edit("a", "https://present") // has the version that https://former had
		h.live.heal()
		h.pass(3 * time.Minute)
		h.expectURL("a", "https://present")
	})
}

// TestAnEventOfAFormerFutureIsNotAppliedAgain: it came while the LIST ran that shows that the server has gone back.
func TestAnEventOfAFormerFutureIsNotAppliedAgain(t *testing.T) {
	watching(t, nil, func(h *harness) {
		backup := h.cluster.version
		h.edit("b", "https://b")
		h.cluster.set(func(c *cluster) { c.delay = 10 * time.Second })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.edit("c", "https://c")
		h.pass(time.Second)
		h.expectNames("a b c")
		h.live.restore(backup)
		h.pass(10 * time.Second)
		h.expectNames("a")
	})
}

// TestAWatchIsCheckedOnlyAfterTrouble: each check is a request.
func TestAWatchIsCheckedOnlyAfterTrouble(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.live.cut(ended(source.WatchTimeout), nil)
		h.pass(30 * time.Second)
		h.live.cut(ended(source.WatchQuiet), nil)
		h.pass(30 * time.Second)
		if h.live.checks != 0 {
			t.Errorf("got %d checks, want none", h.live.checks)
		}
		h.live.cut(ended(source.WatchClosed), nil)
		h.pass(30 * time.Second)
		if h.live.checks != 1 {
			t.Errorf("got %d checks after an end before its time, want 1", h.live.checks)
		}
		h.expectLists(1)
	})
}

// TestACheckWaitsForWhatALISTWasAskedToWait: a server that asks to be left alone means all requests.
func TestACheckWaitsForWhatALISTWasAskedToWait(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.live.cut(ended(source.WatchBroken), nil)
		h.pass(2 * time.Second) // it is open again, and its check waits
		h.cluster.fail(&source.Error{Type: source.APIError, RetryAfter: time.Minute, Err: errors.New("429 Too Many Requests")})
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(59 * time.Second)
		if h.live.checks != 0 {
			t.Errorf("got %d checks before Retry-After, want none", h.live.checks)
		}
		h.cluster.fail(nil)
		h.pass(2 * time.Second)
		if h.live.checks != 1 {
			t.Errorf("got %d checks after Retry-After, want 1", h.live.checks)
		}
	})
}

// TestAWatchIsCheckedAgainAfterACheckThatWasCut: the watch ended for good while its check was under way.
func TestAWatchIsCheckedAgainAfterACheckThatWasCut(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.live.cut(ended(source.WatchBroken), nil)
		h.pass(time.Second) // it is open again, and the check waits
		h.live.cut(ended(source.WatchExpired), nil)
		h.pass(90 * time.Second)
		backup := h.cluster.version
		h.edit("b", "https://b")
		h.pass(time.Second)
		h.live.restore(backup)
		h.live.cut(ended(source.WatchBroken), nil)
		h.pass(10 * time.Second)
		h.expectNames("a")
	})
}

// TestAServerThatGoesBackDuringALISTIsFollowed: the LIST began before, and its answer is of the former state.
func TestAServerThatGoesBackDuringALISTIsFollowed(t *testing.T) {
	watching(t, nil, func(h *harness) {
		backup := h.cluster.version
		h.edit("b", "https://b")
		h.cluster.set(func(c *cluster) { c.snapshotFirst, c.delay = true, 8*time.Second })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.live.restore(backup)
		h.live.cut(ended(source.WatchBroken), nil)
		h.pass(30 * time.Second)
		h.expectNames("a")
	})
}

// panicking is a live cluster whose version cannot be told.
type panicking struct{ *live }

// Version implements sync.Versioner.
func (panicking) Version(context.Context, string) (string, error) {
	panic("a panic that quotes canary-value")
}

func TestAPanicOfACheckIsRecovered(t *testing.T) {
	watching(t, func(h *harness) { h.config.Source = panicking{h.live} }, func(h *harness) {
		h.live.cut(ended(source.WatchBroken), nil)
		h.pass(10 * time.Second)
		h.edit("b", "https://b")
		h.expectNames("a b")
	})
}

// TestACheckLeavesAServerAloneThatAsksForIt, and one that does not let it: each try is a request.
func TestACheckLeavesAServerAloneThatAsksForIt(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		most int
	}{
		"Retry-After": {&source.Error{Type: source.APIError, RetryAfter: 2 * time.Minute, Err: errors.New("429")}, 6},
		"forbidden":   {denied(), 15},
	} {
		t.Run(name, func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				h.cluster.fail(c.err)
				h.live.cut(ended(source.WatchBroken), nil)
				h.pass(10 * time.Minute)
				if h.live.checks > c.most {
					t.Errorf("got %d checks in 10 minutes, want at most %d", h.live.checks, c.most)
				}
			})
		})
	}
}
