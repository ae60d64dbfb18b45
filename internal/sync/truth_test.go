package sync_test

import (
	"errors"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// TestTheStatusIsTrueWhateverTheOrderOfEvents has orders in which an outcome was recorded by one step and overtaken by another.
func TestTheStatusIsTrueWhateverTheOrderOfEvents(t *testing.T) {
	t.Run("changes that the guard refused are undone", func(t *testing.T) {
		bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 2 }, func(h *harness) {
			h.edit("a", "https://a")
			h.edit("b", "https://b")
			h.start()
			h.pass(time.Minute)
			h.cluster.delete(testNamespace, "b")
			h.pass(time.Second)
			if s := h.GetStatus(); s.Discovered != 1 || s.Valid != 1 || s.Error == "" {
				t.Fatalf("got %d of %d, error %q; want the refused 1 of 1", s.Valid, s.Discovered, s.Error)
			}
			h.edit("b", "https://b")
			if s := h.GetStatus(); s.Discovered != 2 || s.Valid != 2 || s.Invalid != 0 || s.Error != "" {
				t.Errorf("got %d of %d, error %q; want the 2 of 2 of the file, and none", s.Valid, s.Discovered, s.Error)
			}
		})
	})
	t.Run("a late write completes a manual refresh during a later LIST", func(t *testing.T) {
		watching(t, nil, func(h *harness) {
			h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
			if _, err := h.Refresh("manual-1"); err != nil {
				t.Fatal(err)
			}
			h.pass(0)
			h.cluster.set(func(c *cluster) { c.delay = 10 * time.Second })
			h.live.cut(ended(source.WatchExpired), nil)
			h.disk.set(func(d *disk) { d.broken = nil })
			h.pass(2 * time.Second)
			s := h.GetStatus()
			if s.State != sync.StateInProgress || s.Snapshot.Generation != 1 {
				t.Fatalf("got %s, generation %d; want a refresh in progress beside the one snapshot", s.State, s.Snapshot.Generation)
			}
			if m := s.LastManual; m.RequestID != "manual-1" || m.State != sync.StateSuccess || m.Error != "" {
				t.Errorf("got %+v, want the success of manual-1", m)
			}
		})
	})
	t.Run("a late write ends what a failure allowed", func(t *testing.T) {
		watching(t, nil, func(h *harness) {
			h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
			_ = h.RefreshNow()
			h.pass(0)
			h.disk.set(func(d *disk) { d.broken = nil })
			h.pass(2 * time.Second)
			lists := len(h.cluster.listTimes())
			next := h.GetStatus().NextRefresh
			h.live.cut(ended(source.WatchBroken), nil)
			h.pass(10 * time.Second)
			if s := h.GetStatus(); s.State != sync.StateSuccess || !s.Watch.Connected || !s.NextRefresh.Equal(next) {
				t.Errorf("got %s, connected %t, the next refresh at %s; want it where it was, %s", s.State, s.Watch.Connected, s.NextRefresh, next)
			}
			h.expectLists(lists)
		})
	})
	t.Run("a watch opens again while a LIST hangs", func(t *testing.T) {
		watching(t, func(h *harness) { h.config.MaxRetries = 0 }, func(h *harness) {
			h.cluster.set(func(c *cluster) { c.hang = true })
			h.live.cut(ended(source.WatchBroken), ended(source.WatchBroken))
			h.pass(3*time.Minute + time.Second)
			if s := h.GetStatus(); s.State != sync.StateInProgress {
				t.Fatalf("got %s, want the periodic refresh in progress", s.State)
			}
			h.cluster.set(func(c *cluster) { c.hang = false }) // the LIST that runs goes on hanging
			h.live.heal()
			h.pass(29 * time.Second)
			if s := h.GetStatus(); s.State != sync.StateFailed || !s.Watch.Connected {
				t.Fatalf("got %s, connected %t; want that the LIST timed out beside an open watch", s.State, s.Watch.Connected)
			}
			h.pass(2 * time.Second)
			if s := h.GetStatus(); s.State != sync.StateSuccess {
				t.Errorf("2 s after the LIST's end: got %s, the next refresh at %s; want success", s.State, s.NextRefresh)
			}
		})
	})
}

// TestARejectedSecretIsNotLoggedAsAccepted also when the rejection is another Secret's doing.
func TestARejectedSecretIsNotLoggedAsAccepted(t *testing.T) {
	const accepted = "secret accepted with a warning"
	rival := func(h *harness) {
		entry, err := targetsfile.NewEntry(targetsfile.Target{Name: "a", Type: "webhook", URL: "https://rival", PayloadFormat: "webhook", Enabled: true,
			Secret: testNamespace + "/rival", SecretUID: "uid-rival"})
		if err != nil {
			t.Fatal(err)
		}
		h.cluster.putSecret(testNamespace, "rival", source.Secret{Entry: entry, Warnings: []source.Problem{{Rule: "is base64-encoded twice"}}})
	}
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.cluster.putSecret(testNamespace, "broken", source.Secret{Warnings: []source.Problem{{Rule: "is base64-encoded twice"}},
			Fault: &source.Fault{Reason: targetsfile.RejectParse, Problems: []source.Problem{{Rule: "must be valid JSON"}}}})
		h.start()
		h.pass(time.Second)
		rival(h)
		h.pass(time.Second)
		if rejected, warned := len(h.logLines("secret rejected")), h.logLines(accepted); rejected != 2 || len(warned) != 0 {
			t.Errorf("got %d rejections, accepted %v; want 2, none", rejected, warned)
		}
		h.cluster.delete(testNamespace, "a") // the rival takes the name
		h.pass(time.Second)
		h.pass(10 * time.Minute)
		if warned := h.logLines(accepted); len(warned) != 1 || warned[0]["secret"] != testNamespace+"/rival" {
			t.Errorf("once it is accepted: got %v, want one line about the rival", warned)
		}
	})
}

// TestRefreshAfterBeginsReadingAfterTheCall: a LIST that runs may have read already.
func TestRefreshAfterBeginsReadingAfterTheCall(t *testing.T) {
	slow := func(h *harness) {
		h.config.RateLimit = time.Minute
		h.cluster.snapshotFirst, h.cluster.delay = true, 10*time.Second
	}
	bubble(t, slow, func(h *harness) {
		h.start()
		h.cluster.put(t, testNamespace, "a", "https://a") // the LIST that runs does not see it
		run, began, err := h.RefreshAfter("first")
		if err != nil || !began {
			t.Fatalf("got began %t, %v; want a refresh of its own", began, err)
		}
		joined, began, err := h.RefreshAfter("second")
		if err != nil || began || joined != run {
			t.Errorf("a second caller: got began %t, %v; want the same refresh", began, err)
		}
		s, err := run.Wait(h.t.Context())
		if err != nil || s.State != sync.StateSuccess || s.Discovered != 1 || s.LastManual.RequestID != "first" || s.LastTrigger != sync.TriggerManual {
			t.Errorf("got %+v, %v; want the success that found the Secret", s, err)
		}
		h.expectNames("a")
		h.expectLists(2)
	})
}

// TestRefreshesThatFollowAreBounded: however many callers there are, they cause two LISTs for each token of the rate limit.
func TestRefreshesThatFollowAreBounded(t *testing.T) {
	slow := func(h *harness) {
		h.config.RateLimit, h.cluster.delay = time.Minute, 10*time.Second
	}
	bubble(t, slow, func(h *harness) {
		h.start()
		h.pass(30 * time.Second)
		if _, err := h.Refresh("token"); err != nil {
			t.Fatal(err)
		}
		free, began, err := h.RefreshAfter("free")
		if err != nil || !began {
			t.Fatalf("while it runs: got began %t, %v; want one that follows", began, err)
		}
		h.pass(15 * time.Second) // the free one runs
		limited, _, err := h.RefreshAfter("limited")
		if refusal, ok := errors.AsType[*sync.RateLimitError](err); !ok || refusal.RetryAfter != 45*time.Second {
			t.Errorf("behind a free one: got %v, %v; want the rate limit for 45s", limited, err)
		}
		if _, err := free.Wait(h.t.Context()); err != nil {
			t.Error(err)
		}
		h.expectLists(3)
	})
}

func TestStopDropsARefreshThatWasToFollow(t *testing.T) {
	bubble(t, func(h *harness) { h.cluster.delay = 10 * time.Second }, func(h *harness) {
		h.start()
		run, _, err := h.RefreshAfter("id")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(h.t.Context()); !errors.Is(err, sync.ErrStopped) {
			t.Errorf("got %v, want ErrStopped", err)
		}
		h.expectLists(1)
	})
}
