package sync_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
)

// watching starts on one Secret that is followed, a minute after the start.
func watching(t *testing.T, configure func(*harness), test func(h *harness)) {
	t.Helper()
	bubble(t, func(h *harness) {
		followed(h)
		if configure != nil {
			configure(h)
		}
	}, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.pass(2 * time.Minute)
		test(h)
	})
}

func (h *harness) now() time.Duration { return time.Since(h.born) }

func (h *harness) expectOpens(since time.Duration, want ...time.Duration) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.live.opened(since)); diff != "" {
		h.t.Errorf("watches opened since %s (-want +got):\n%s", since, diff)
	}
}

func (h *harness) expectMetrics(want map[string]float64) {
	h.t.Helper()
	for series, want := range want {
		if got := h.metric(series); got != want {
			h.t.Errorf("%s: got %v, want %v", series, got, want)
		}
	}
}

// TestABrokenWatchIsOpenedAgainFromWhereItWas holds for all ends that lose nothing.
func TestABrokenWatchIsOpenedAgainFromWhereItWas(t *testing.T) {
	for _, end := range []source.WatchEnd{source.WatchBroken, source.WatchClosed, source.WatchRefused} {
		t.Run(string(end), func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				h.live.bookmark()
				since := h.now()
				h.live.cut(ended(end), ended(end))
				s := h.GetStatus()
				if s.Watch.Connected || s.Watch.Error != "the watch ended: "+string(end) || !s.Watch.Since.Equal(h.born.Add(since)) {
					t.Errorf("got watch %+v", s.Watch)
				}
				h.edit("a", "https://missed")
				h.pass(40 * time.Second)
				h.expectURL("a", "https://a")
				h.live.heal()
				h.pass(10 * time.Second)
				h.expectURL("a", "https://missed")
				h.expectOpens(since, time.Second, 3*time.Second, 7*time.Second, 15*time.Second, 25*time.Second, 35*time.Second, 45*time.Second)
				if got := h.live.lastFrom(); got != "2" {
					t.Errorf("got a watch from %s, want from the bookmark, 2", got)
				}
				h.expectLists(1)
				h.expectMetrics(map[string]float64{"publishing_watch_connected": 1, fmt.Sprintf("publishing_watch_restarts_total{reason=%q}", end): 7})
				if s := h.GetStatus(); !s.Watch.Connected || s.Watch.Error != "" {
					t.Errorf("got watch %+v, want connected", s.Watch)
				}
				if down, up := h.warnings(), h.logLines("changes are followed again"); len(up) != 1 || up[0]["down_seconds"] != 45.0 ||
					up[0]["level"] != "info" || len(down) != 1 || down[0]["message"] != "the watch was interrupted, opening it again" {
					t.Errorf("got %v and %v, want one warning per outage and its end", down, up)
				}
				h.pass(time.Minute)
				since = h.now()
				h.live.cut(ended(end), nil)
				h.pass(10 * time.Second)
				h.expectOpens(since, time.Second) // another outage begins anew
			})
		})
	}
}

// TestAWatchThatIsCutOverAndOver has a load balancer end what is idle: that is no outage, and no edit waits for more than a second.
func TestAWatchThatIsCutOverAndOver(t *testing.T) {
	for _, end := range []source.WatchEnd{source.WatchBroken, source.WatchClosed} {
		t.Run(string(end), func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				for i := range 20 {
					since := h.now()
					h.live.cut(ended(end), nil)
					h.edit("a", fmt.Sprintf("https://a%d", i))
					h.pass(20 * time.Second)
					h.expectOpens(since, time.Second)
					h.expectURL("a", fmt.Sprintf("https://a%d", i))
				}
				if got := h.warnings(); len(got) != 0 {
					t.Errorf("got %v, want no warning", got)
				}
				for _, line := range h.logLines("changes are followed again") {
					if line["level"] != "debug" {
						t.Errorf("got %v, want nothing said of what nobody was told", line)
					}
				}
			})
		})
	}
}

func TestAWatchThatEndsAtItsTimeIsOpenedAgainAtOnce(t *testing.T) {
	watching(t, nil, func(h *harness) {
		since := h.now()
		h.live.cut(ended(source.WatchTimeout), nil)
		h.expectOpens(since, 0)
		h.edit("a", "https://a2")
		h.expectURL("a", "https://a2")
		h.expectMetrics(map[string]float64{"publishing_watch_connected": 1, `publishing_watch_restarts_total{reason="timeout"}`: 1})
		if s := h.GetStatus(); !s.Watch.Connected || !s.Watch.Since.Equal(h.born) {
			t.Errorf("got %+v, want no interruption", s.Watch)
		}
		if got := h.logLines("the watch was interrupted, opening it again"); len(got) > 0 {
			t.Errorf("got %v, want no warning", got)
		}
	})
}

func TestAWatchThatClosesAtOnceIsNoHotLoop(t *testing.T) {
	for _, end := range []source.WatchEnd{source.WatchTimeout, source.WatchClosed} {
		t.Run(string(end), func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				since := h.now()
				for range 60 * 5 {
					h.live.cut(ended(end), nil)
					h.pass(200 * time.Millisecond)
				}
				if got := len(h.live.opened(since)); got > 10 {
					t.Errorf("got %d watches in a minute, want one in 10 s in the end", got)
				}
			})
		})
	}
}

func TestAnExpiredWatchAsksForOneRefresh(t *testing.T) {
	for _, end := range []source.WatchEnd{source.WatchExpired, source.WatchInvalid} {
		t.Run(string(end), func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				since := h.now()
				h.live.cut(ended(end), nil)
				if s := h.GetStatus(); s.LastTrigger != sync.TriggerWatch || !s.Watch.Connected || h.live.lastFrom() != "1" {
					t.Errorf("got trigger %s, watch %+v from %s", s.LastTrigger, s.Watch, h.live.lastFrom())
				}
				for range 100 { // each new watch ends like that, at once
					h.live.cut(ended(end), nil)
					h.pass(time.Second)
				}
				var gaps []time.Duration
				times := h.cluster.listTimes()[1:]
				for i, at := range times[1:] {
					gaps = append(gaps, at-times[i])
				}
				want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
				if diff := cmp.Diff(want, gaps); diff != "" || times[0] != since {
					t.Errorf("waits between refreshes (-want +got):\n%s", diff)
				}
				h.pass(2 * time.Minute)
				since = h.now()
				h.live.cut(ended(end), nil) // it has lived
				h.live.cut(ended(end), nil)
				h.pass(10 * time.Second)
				times = h.cluster.listTimes()
				if diff := cmp.Diff([]time.Duration{since, since + time.Second}, times[len(times)-2:]); diff != "" {
					t.Errorf("refreshes after a quiet spell (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestAQuietWatchIsOpenedAgain: that nothing was received proves nothing, and opening it again replays what was kept back.
func TestAQuietWatchIsOpenedAgain(t *testing.T) {
	const keptBack = "the watch had kept changes back, they are applied now"
	t.Run("nothing was kept back", func(t *testing.T) {
		watching(t, nil, func(h *harness) {
			h.logs.Reset()
			since := h.now()
			h.live.cut(ended(source.WatchQuiet), nil)
			h.pass(2 * time.Second)
			h.edit("b", "https://b")
			h.pass(time.Second)
			h.expectNames("a b")
			h.expectLists(1)
			h.expectOpens(since, 0)
			h.expectMetrics(map[string]float64{
				`publishing_watch_restarts_total{reason="quiet"}`: 1, `publishing_watch_restarts_total{reason="silent"}`: 0, `publishing_watch_connected`: 1,
			})
			if s := h.GetStatus().Watch; !s.Connected || s.Error != "" || !s.KeptBack.IsZero() || strings.Contains(h.logs.String(), "warn") {
				t.Errorf("got %+v and the log %s; want no trouble", s, h.logs.String())
			}
		})
	})
	t.Run("it goes on from the last LIST", func(t *testing.T) {
		watching(t, nil, func(h *harness) {
			h.cluster.set(func(c *cluster) { c.version = 4711 }) // others changed, without a bookmark
			if err := h.RefreshNow(); err != nil {
				t.Fatal(err)
			}
			h.pass(time.Second)
			h.live.cut(ended(source.WatchQuiet), nil)
			if got := h.live.lastFrom(); got != "4711" {
				t.Errorf("opened again from version %s, want the LIST's 4711", got)
			}
		})
	})
	t.Run("a change was kept back", func(t *testing.T) {
		watching(t, nil, func(h *harness) {
			for w := range h.live.watches {
				w.namespace = "hangs"
			}
			h.edit("a", "https://a2")
			h.edit("b", "https://b")
			h.live.cut(ended(source.WatchQuiet), nil)
			h.pass(time.Second)
			h.expectNames("a b")
			h.expectURL("a", "https://a2")
			h.expectLists(1)
			h.expectMetrics(map[string]float64{`publishing_watch_restarts_total{reason="silent"}`: 1})
			if lines := len(h.logLines(keptBack)); lines != 1 || h.GetStatus().Watch.KeptBack.IsZero() {
				t.Errorf("got %d lines, status %+v; want one, and the time", lines, h.GetStatus().Watch)
			}
		})
	})
}

func TestARefreshThatRunsSatisfiesAWatch(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.cluster.set(func(c *cluster) { c.delay = 10 * time.Second })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.live.cut(ended(source.WatchExpired), nil)
		h.pass(time.Minute)
		h.expectLists(2)
		if s := h.GetStatus(); !s.Watch.Connected {
			t.Errorf("got %+v, want it followed from that LIST", s.Watch)
		}
	})
}

func TestARefreshThatHasReadDoesNot(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.disk.set(func(d *disk) { d.delay = 10 * time.Second })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second) // it writes
		h.live.cut(ended(source.WatchExpired), nil)
		h.pass(30 * time.Second)
		h.expectLists(3)
		if s := h.GetStatus(); !s.Watch.Connected || s.LastTrigger != sync.TriggerWatch {
			t.Errorf("got trigger %s, watch %+v", s.LastTrigger, s.Watch)
		}
	})
}

func TestAWatchAsksForNoRefreshBeforeRetryAfter(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.cluster.fail(&source.Error{Err: errors.New("429"), RetryAfter: 2 * time.Minute})
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.live.cut(ended(source.WatchExpired), nil)
		h.pass(118 * time.Second)
		h.expectLists(2)
		h.pass(2 * time.Second)
		h.expectLists(3)
	})
}

func TestAWatchThatIsForbiddenIsTriedAgainAfterEachList(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.live.refuse = ended(source.WatchForbidden) }, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.pass(16 * time.Minute)
		h.expectOpens(0, 0, 5*time.Minute, 10*time.Minute, 15*time.Minute)
		if s := h.GetStatus(); s.State != sync.StateSuccess || s.Watch.Connected || s.Watch.Error == "" {
			t.Errorf("got %s, watch %+v", s.State, s.Watch)
		}
		const message = "changes must not be followed, they wait for the next periodic refresh; the watch is tried again"
		warnings := slices.DeleteFunc(h.logLines(message), func(l map[string]any) bool { return l["level"] != "warn" })
		if len(warnings) != 1 || warnings[0]["hint"] != "look at the API server" {
			t.Errorf("got warnings %v, want one with a hint", warnings)
		}
		h.live.heal()
		h.pass(5 * time.Minute)
		h.edit("a", "https://a2")
		h.expectURL("a", "https://a2")
	})
}

// TestAWatchThatWasGrantedIsTriedForAMinute: an API server that has just started refuses everybody until it has read the roles.
func TestAWatchThatWasGrantedIsTriedForAMinute(t *testing.T) {
	const denied = "changes must not be followed, they wait for the next periodic refresh; the watch is tried again"
	watching(t, nil, func(h *harness) {
		since := h.now()
		h.live.cut(ended(source.WatchBroken), ended(source.WatchForbidden))
		h.pass(50 * time.Second)
		if got := h.logLines(denied); len(got) != 0 {
			t.Errorf("got %v: an API server that has just started refuses everybody for a moment", got)
		}
		h.pass(70 * time.Second)
		h.expectOpens(since, time.Second, 3*time.Second, 7*time.Second, 15*time.Second, 25*time.Second, 35*time.Second, 45*time.Second,
			55*time.Second, 65*time.Second)
		if warnings := h.warnings(); len(warnings) != 2 || warnings[0]["reason"] != "forbidden" || warnings[1]["message"] != denied {
			t.Errorf("got warnings %v, want one of the refusal and one of the missing right", warnings)
		}
		h.live.heal()
		h.pass(time.Minute) // the periodic refresh
		if s := h.GetStatus(); !s.Watch.Connected {
			t.Errorf("got watch %+v after a LIST, want it connected", s.Watch)
		}
	})
}

func TestARefusedWatchWaitsAsLongAsTheServerWants(t *testing.T) {
	cases := map[string]struct{ retryAfter, want time.Duration }{
		"shorter than the backoff": {500 * time.Millisecond, time.Second},
		"longer":                   {90 * time.Second, 90 * time.Second},
		"absurd: the interval":     {24 * time.Hour, 5 * time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				since := h.now()
				refusal := ended(source.WatchRefused)
				refusal.RetryAfter = c.retryAfter
				h.live.cut(refusal, nil)
				h.pass(6 * time.Minute)
				h.expectOpens(since, c.want)
			})
		})
	}
}

func TestAWatchThatOpensAfterAnOutageBringsTheRefreshForward(t *testing.T) {
	cases := map[string]struct {
		failure error
		within  time.Duration // of the watch being open again
		waits   bool          // the refresh waits for its own time
	}{
		"transient failure":       {failure: transient(), within: 2 * time.Second},
		"denied: waits a minute":  {failure: denied(), waits: true},
		"permanent: needs people": {failure: permanent(), waits: true},
		"held by Retry-After":     {failure: &source.Error{Err: errors.New("429"), RetryAfter: 4 * time.Minute}, waits: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				h.cluster.fail(c.failure)
				h.live.cut(ended(source.WatchBroken), ended(source.WatchBroken))
				h.pass(3*time.Minute + 10*time.Second) // the periodic refresh has failed, its retry is due in 20 s
				h.cluster.fail(nil)
				next := h.GetStatus().NextRefresh
				h.live.heal()
				for !h.GetStatus().Watch.Connected {
					h.pass(time.Second)
				}
				if got := h.GetStatus().NextRefresh; c.waits != got.Equal(next) {
					t.Errorf("got the next refresh at %s, was %s", got, next)
				}
				h.pass(c.within)
				if got := h.GetStatus().State == sync.StateSuccess; got == c.waits {
					t.Errorf("got success %t within %s of the watch", got, c.within)
				}
			})
		})
	}
}

func TestARefreshIsBroughtForwardOnceAMinute(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.cluster.fail(transient())
		h.pass(3*time.Minute + time.Second)
		before := len(h.cluster.listTimes())
		for range 10 { // the API server answers watches, but no LIST
			h.live.cut(ended(source.WatchBroken), nil)
			h.pass(2500 * time.Millisecond)
		}
		if got := len(h.cluster.listTimes()) - before; got != 1 {
			t.Errorf("got %d refreshes in 25 s, want 1", got)
		}
	})
}

func TestAPanicInAWatchIsAnEndThatAsksForARefresh(t *testing.T) {
	watching(t, nil, func(h *harness) {
		h.live.set(func(*cluster) { h.live.panics = true })
		h.edit("b", "https://b")
		h.live.set(func(*cluster) { h.live.panics = false })
		h.pass(time.Second)
		h.expectNames("a b")
		if got := h.logs.String(); !strings.Contains(got, "panic while watching") || strings.Contains(got, "canary") {
			t.Errorf("got log %s", got)
		}
	})
}

func TestEachNamespaceIsFollowedByItself(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.Namespaces = []string{testNamespace, "other"} }, func(h *harness) {
		h.edit("a", "https://a")
		h.cluster.put(t, "other", "b", "https://b")
		h.cluster.set(func(c *cluster) { c.failing["other"] = denied() })
		h.start()
		if s := h.GetStatus(); s.Watch.Connected || h.names() != "no file" {
			t.Errorf("got watch %+v and %s before all have answered", s.Watch, h.names())
		}
		h.edit("a", "https://a2")
		if h.names() != "no file" {
			t.Error("half of the first snapshot is published")
		}
		h.cluster.set(func(c *cluster) { delete(c.failing, "other") })
		h.pass(time.Minute)
		h.expectNames("a b")
		h.expectURL("a", "https://a2")
		h.cluster.put(t, "other", "b", "https://b2")
		h.pass(time.Second)
		h.expectURL("b", "https://b2")
		if s := h.GetStatus(); !s.Watch.Connected {
			t.Errorf("got %+v, want connected", s.Watch)
		}
	})
}

func TestNoWatch(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.NoWatch = true }, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.edit("a", "https://a2")
		h.pass(time.Minute)
		h.expectURL("a", "https://a")
		h.expectOpens(0)
		if s := h.GetStatus(); s.Watch != (sync.WatchStatus{}) {
			t.Errorf("got %+v, want nothing", s.Watch)
		}
		families, err := h.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), "publishing_watch") {
				t.Errorf("got a metric %s", f.GetName())
			}
		}
	})
}

func TestStopEndsWatches(t *testing.T) {
	cases := map[string]func(*harness){
		"open":                 func(*harness) {},
		"waiting to be opened": func(h *harness) { h.live.cut(ended(source.WatchBroken), ended(source.WatchBroken)) },
		"in a burst": func(h *harness) {
			h.disk.set(func(d *disk) { d.delay = 100 * time.Millisecond })
			for i := range 100 {
				h.cluster.put(h.t, testNamespace, "a", fmt.Sprint("https://a/", i))
			}
		},
		"with a refresh asked for": func(h *harness) {
			for range 5 {
				h.live.cut(ended(source.WatchExpired), nil)
			}
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			watching(t, nil, func(h *harness) {
				prepare(h)
				begun := time.Now()
				if err := h.Stop(time.Minute); err != nil || time.Since(begun) >= time.Second {
					t.Errorf("got %v after %s, want nil in less than a second", err, time.Since(begun))
				}
				synctest.Wait() // the bubble's end finds goroutines that were left
			})
		})
	}
}
