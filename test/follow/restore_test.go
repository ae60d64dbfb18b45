package follow_test

import (
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestARestoredBackup stops etcd and the API server, puts an earlier state in place and starts them again, with versions behind those that the
// watch has seen: the API server accepts it and says nothing.
func TestARestoredBackup(t *testing.T) {
	t.Parallel()
	plane := controlplane.StartPrivate(t)
	w := newWorld(t, plane.Plane)
	w.webhooks("a", "b")
	restore, err := plane.BackUp(t.Context())
	w.must(err)
	e := w.follow(func(s *setup) { s.unchecked = true })
	w.webhook("c", 1)
	for edit := range 50 {
		w.webhook("a", 2+edit)
	}
	e.awaits("a/51", "b/1", "c/1")
	before := e.document()

	w.must(restore(t.Context()))
	ready := time.Now()
	w.webhook("b", 2) // which the watch does not tell
	e.awaits("a/1", "b/2")
	t.Logf("the edit arrived %s after the API server was ready", time.Since(ready).Round(time.Millisecond))
	after := e.document()
	if after.Epoch != before.Epoch || after.Generation <= before.Generation {
		t.Errorf("got generation %d after %d, want a later one of the same epoch", after.Generation, before.Generation)
	}
	lists := e.requests.lists.Load()
	e.expectLive(w, "b") // by the watch
	if got := e.requests.lists.Load(); got != lists {
		t.Errorf("got %d LISTs for an edit after that, want none", got-lists)
	}
	if got := e.warnings.count("the API server has gone back to an older state, which is published as the present one"); got != 1 {
		t.Errorf("got %d lines about it, want 1:\n%s", got, &e.warnings)
	}
	t.Logf("%d LISTs, checks included, and %d WATCHes", e.requests.lists.Load(), e.requests.watches.Load())
}
