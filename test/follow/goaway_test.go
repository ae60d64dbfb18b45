package follow_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// refresh has the engine refresh now, and expects that it succeeds.
func (e *engine) refresh() {
	e.t.Helper()
	run, err := e.manager.Refresh("")
	if err == nil {
		_, err = run.Wait(e.t.Context())
	}
	if s := e.manager.GetStatus(); err != nil || s.Error != "" {
		e.t.Fatalf("refreshing: %v: %s", err, s.Error)
	}
}

// TestAnAPIServerThatSendsClientsAway asks so often that an API server which balances its load by GOAWAY sends it to a new connection, time and
// again.
func TestAnAPIServerThatSendsClientsAway(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t, "--goaway-chance=0.02") // the highest there is
	w := newWorld(t, private.Plane)
	w.webhook("a", 1)
	var connections atomic.Int64
	e := w.follow(func(s *setup) {
		s.keeps = []string{"a"}
		dial := s.server.REST.Dial
		s.server.REST.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			connections.Add(1)
			return dial(ctx, network, address)
		}
	})
	const enough, most = 3, 5_000
	refreshes, worst := int64(0), time.Duration(0)
	for ; connections.Load() < enough && refreshes < most; refreshes++ {
		e.refresh()
		if refreshes%20 == 0 {
			worst = max(worst, e.late(w, "a"))
		}
	}
	if got := connections.Load(); got < enough {
		t.Errorf("got %d connections for %d refreshes, want %d: no GOAWAY was heeded", got, refreshes, enough)
	}
	e.told("GOAWAY", worst)
	e.expectRequests(exactly(refreshes+1), exactly(1)) // a watch stays where it is
	if got := e.warnings.lines(); got != 0 {
		t.Errorf("got %d warnings, want none:\n%s", got, &e.warnings)
	}
}
