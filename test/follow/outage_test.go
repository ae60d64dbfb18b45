package follow_test

import (
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
)

// backoff is how often a watch may be opened in an outage that long: after 1, 2, 4, 8, and then every 10 seconds.
func backoff(outage time.Duration) int64 { return 5 + int64(outage/(10*time.Second)) }

// TestOutages takes its API server away, one outage after the other.
func TestOutages(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	t.Run("killed and started again", func(t *testing.T) { testKilled(t, private) })
	t.Run("its past compacted away", func(t *testing.T) { testCompacted(t, private) })
}

func testKilled(t *testing.T, private *controlplane.Private) {
	w := newWorld(t, private.Plane)
	w.webhooks("a", "b", "c")
	e := w.follow(func(s *setup) { s.keeps = []string{"a", "b"} })
	began := time.Now()
	w.must(private.StopAPIServer())
	e.untilStatus("notices", disconnected)
	w.must(private.StartAPIServer(t.Context()))
	w.webhook("a", 2)
	w.delete("c")
	e.awaits("a/2", "b/1")
	e.untilStatus("follows changes again", connected)
	// A new API server has no memory of changes from before its start, so it may refuse to continue: one LIST.
	e.expectRequests(limits{1, 2}, limits{2, 2 + backoff(time.Since(began))})
	t.Logf("%d LISTs and %d WATCHes in %s, %v of them expired", e.requests.lists.Load(), e.requests.watches.Load(),
		time.Since(began).Round(time.Millisecond), e.metric("publishing_watch_restarts_total", "expired"))
	e.expectLive(w, "b")
}

// testCompacted cuts the engine off until the version that it has seen last is gone from etcd and from the API server's memory.
func testCompacted(t *testing.T, private *controlplane.Private) {
	w := newWorld(t, private.Plane)
	w.webhooks("a", "b", "c")
	network := w.newNetwork()
	e := w.follow(over(network), func(s *setup) { s.keeps = []string{"a", "b"} })
	began := time.Now()
	network.Cut()
	e.untilStatus("notices", disconnected)
	w.webhook("a", 2)
	w.delete("c")
	w.must(private.CompactEtcd(t.Context()), private.StopAPIServer(), private.StartAPIServer(t.Context()))
	network.Mend()
	e.awaits("a/2", "b/1")
	e.untilStatus("follows changes again", connected)
	if got := e.metric("publishing_watch_restarts_total", "expired"); got != 1 {
		t.Errorf("got %v watches that ended because their version was gone, want 1\n%s", got, &e.warnings)
	}
	if s := e.manager.GetStatus(); s.LastTrigger != "watch" {
		t.Errorf("the last refresh was triggered by %s, want watch", s.LastTrigger)
	}
	e.expectRequests(exactly(2), limits{3, 2 + backoff(time.Since(began))})
	e.expectLive(w, "b")
}

// TestAConnectionThatIsCutCostsNoList expects each watch to go on where it was.
func TestAConnectionThatIsCutCostsNoList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b", "c")
	network := w.newNetwork()
	e := w.follow(over(network), func(s *setup) { s.keeps = []string{"a", "b"} })
	began := time.Now()
	for edit := 2; edit < 4; edit++ {
		network.Cut()
		e.untilStatus("notices", disconnected)
		w.webhook("a", edit)
		network.Mend()
		e.untilStatus("follows changes again", connected)
	}
	w.delete("c")
	e.awaits("a/3", "b/1")
	if got := e.metric("publishing_watch_events_total", "upsert"); got != 2 {
		t.Errorf("got %v events about two edits: each watch is to go on after the last one", got)
	}
	e.expectRequests(exactly(1), limits{3, 3 + 2*backoff(time.Since(began))})
}

// TestASilentConnection has a network on which connections stay open and nothing passes: no reset, no end.
func TestASilentConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b", "c")
	network := w.newNetwork()
	const silence = 3 * time.Second
	e := w.follow(over(network), func(s *setup) {
		s.keeps = []string{"a", "b"}
		s.server.Silence, s.Timeout = silence, time.Second
	})
	began := time.Now()
	network.Spoil(wire.Silence()...)
	w.webhook("a", 2)
	w.delete("c")
	e.untilStatus("notices", disconnected)
	e.untilMetric(1, "publishing_watch_restarts_total", "quiet")
	e.untilMetric(1, "publishing_watch_restarts_total", "broken") // the next watch is not answered
	if got := e.published(); differ([]string{"a/1", "b/1", "c/1"}, got) != nil {
		t.Errorf("got %v while nothing can be known, want what was there", got)
	}
	network.Mend()
	e.awaits("a/2", "b/1")
	e.untilStatus("follows changes again", connected)
	// From one watch to the next it takes a silence or a backoff, from one LIST to the next a timeout or a backoff of a second.
	most := 2 + int64(time.Since(began)/time.Second)
	e.expectRequests(limits{1, most}, limits{3, most})
	t.Logf("%d LISTs and %d WATCHes in %s", e.requests.lists.Load(), e.requests.watches.Load(), time.Since(began).Round(time.Millisecond))
}
