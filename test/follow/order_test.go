package follow_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// gate holds back what passes while it is shut.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // nil: it is open
	held   int           // how many wait at it
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
	g.opened, g.held = nil, 0
}

// one lets those pass that wait, and nobody else.
func (g *gate) one() {
	g.open()
	g.shut()
}

func (g *gate) pass(cancelled <-chan struct{}) {
	g.mu.Lock()
	opened := g.opened
	if opened != nil {
		g.held++
	}
	g.mu.Unlock()
	if opened == nil {
		return
	}
	select {
	case <-opened:
	case <-cancelled:
	}
}

// holds returns an error while nothing waits.
func (g *gate) holds() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == 0 {
		return errors.New("nothing is held back")
	}
	return nil
}

// slow is a transport on which a test can hold back answers after the API server has given them: LISTs, and events of one namespace.
type slow struct {
	http.RoundTripper
	lists, events gate
	namespace     string
}

// use has an engine use the transport.
func (s *slow) use(e *setup) {
	e.server.REST.Wrap(func(next http.RoundTripper) http.RoundTripper {
		s.RoundTripper = next
		return s
	})
}

// WrappedRoundTripper lets idle connections be found, and closed.
func (s *slow) WrappedRoundTripper() http.RoundTripper { return s.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s *slow) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case req.URL.Query().Get("watch") == "true":
		if strings.Contains(req.URL.Path, "/"+s.namespace+"/") {
			resp.Body = &slowBody{resp.Body, &s.events, req.Context().Done()}
		}
	default:
		s.lists.pass(req.Context().Done())
	}
	return resp, nil
}

type slowBody struct {
	io.ReadCloser
	gate      *gate
	cancelled <-chan struct{}
}

// Read implements io.Reader.
func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.gate.pass(b.cancelled)
	return n, err
}

// TestAListThatIsOlderThanEvents holds back a LIST, which neither delays events nor takes back anything when it comes at last.
func TestAListThatIsOlderThanEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b", "c")
	var line slow
	e := w.follow(line.use, func(s *setup) { s.keeps = []string{"a", "c"} })
	line.lists.shut()
	w.must(e.manager.RefreshNow())
	e.until("lists", line.lists.holds)
	w.webhook("a", 2)
	w.delete("b")
	w.webhook("d", 1)
	e.awaits("a/2", "c/1", "d/1")
	if s := e.manager.GetStatus(); s.State != targetsync.StateInProgress {
		t.Errorf("got state %s while the LIST is held back, want a refresh in progress", s.State)
	}
	line.lists.open()
	e.untilStatus("ends the refresh", func(s targetsync.RefreshStatus) bool { return s.LastManual.State == targetsync.StateSuccess })
	if err := differ([]string{"a/2", "c/1", "d/1"}, e.published()); err != nil {
		t.Errorf("after the LIST: %v", err)
	}
	w.webhook("c", 2)
	e.awaits("a/2", "c/2", "d/1")
	e.expectRequests(exactly(2), exactly(1))
}

// TestEventsThatAreOlderThanAList holds back events, which change nothing when they come at last.
func TestEventsThatAreOlderThanAList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	other := w.elsewhere("list", "watch")
	w.webhooks("a", "b")
	other.webhook("c", 1)
	line := slow{namespace: w.namespace}
	e := w.follow(line.use, func(s *setup) {
		s.Namespaces, s.keeps = []string{w.namespace, other.namespace}, []string{"a", "c"}
	})
	line.events.shut()
	w.webhook("a", 2)
	e.until("is told", line.events.holds)
	w.webhook("a", 3)
	w.delete("b")
	w.must(e.manager.RefreshNow())
	e.awaits("a/3", "c/1")
	e.until("takes in the first event", func() error { // it comes in several pieces
		if e.metric("publishing_watch_events_total", "upsert") > 0 {
			return nil
		}
		line.events.one()
		return errors.New("it has not come")
	})
	other.webhook("c", 2) // is published with what is known of a
	e.awaits("a/3", "c/2")
	line.events.open()
	e.untilMetric(1, "publishing_watch_events_total", "delete")
	other.webhook("c", 3)
	w.webhook("a", 4)
	e.awaits("a/4", "c/3")
	e.expectRequests(exactly(4), exactly(2))
}
