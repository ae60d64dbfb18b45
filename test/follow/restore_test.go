package follow_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestARestoredBackup brings an earlier state of etcd back. Unless versions are bumped, they lie behind those that the watch has seen: the API
// server accepts it and says nothing.
func TestARestoredBackup(t *testing.T) {
	t.Parallel()
	const (
		wentBack = "the API server has gone back to an older state, which is published as the present one"
		expired  = "the watch cannot go on, a refresh follows"
	)
	plane := controlplane.StartPrivate(t)
	w := newWorld(t, plane.Plane)
	w.webhooks("a", "b")
	backup, err := plane.BackUp(t.Context())
	w.must(err)
	for _, c := range []struct {
		name    string
		restore func(context.Context) error
		told    string // the line about it
	}{
		{"its data", backup.Restore, wentBack},
		{"its snapshot", func(ctx context.Context) error { return backup.RestoreSnapshot(ctx) }, wentBack},
		{"its snapshot, with bumped versions and a compacted past", func(ctx context.Context) error {
			return backup.RestoreSnapshot(ctx, "--bump-revision", "1000000000", "--mark-compacted")
		}, expired},
	} {
		whole := t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			w.webhook("b", 1) // as in the backup: the case before has edited it
			e := w.follow(func(s *setup) { s.unchecked = true })
			w.webhook("c", 1)
			for edit := range 50 {
				w.webhook("a", 2+edit)
			}
			e.awaits("a/51", "b/1", "c/1")
			before := e.document()

			w.must(c.restore(t.Context()))
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
			for _, line := range []string{wentBack, expired} {
				want := 0
				if line == c.told {
					want = 1
				}
				if got := e.warnings.count(line); got != want {
					t.Errorf("got %d lines %q, want %d:\n%s", got, line, want, &e.warnings)
				}
			}
			t.Logf("%d LISTs, checks included, and %d WATCHes", e.requests.lists.Load(), e.requests.watches.Load())
		})
		if !whole { // the API server may be down
			return
		}
	}
}

// TestAVersionThatCameTwice has a Secret with the uid and the version that it had before the restore, with other content, when the API server
// can be reached again. The server is as far as the watch was, so that only the next LIST can tell.
func TestAVersionThatCameTwice(t *testing.T) {
	t.Parallel()
	plane := controlplane.StartPrivate(t)
	w := newWorld(t, plane.Plane)
	w.webhooks("a")
	backup, err := plane.BackUp(t.Context())
	w.must(err)
	network := w.newNetwork()
	e := w.follow(over(network), func(s *setup) { s.unchecked = true })
	for edit := range 300 { // more than an API server writes at its start
		w.webhook("a", 2+edit)
	}
	e.awaits("a/301")
	former := w.secret("a")

	network.Cut()
	e.untilStatus("notices", disconnected)
	w.must(backup.Restore(t.Context()))
	w.fillUntil(former.ResourceVersion)
	w.webhook("a", 1000)
	if present := w.secret("a"); present.UID != former.UID || present.ResourceVersion != former.ResourceVersion {
		t.Fatalf("got version %s of %s, want %s of %s once more", present.ResourceVersion, present.UID, former.ResourceVersion, former.UID)
	}
	network.Mend()
	e.untilStatus("follows changes again", connected)
	w.must(e.manager.RefreshNow())
	e.awaits("a/1000")
}

// secret returns a Secret as it is.
func (w *world) secret(name string) *corev1.Secret {
	w.t.Helper()
	secret, err := w.secrets().Get(w.t.Context(), name, metav1.GetOptions{})
	w.must(err)
	return secret
}

// fillUntil writes until the next write has this version.
func (w *world) fillUntil(version string) {
	w.t.Helper()
	next, err := strconv.Atoi(version)
	w.must(err)
	for edit := 0; ; edit++ {
		w.must(w.tryPut("filler", map[string]string{"type": "webhook", "url": strconv.Itoa(edit)})) // yields no target
		switch last, err := strconv.Atoi(w.secret("filler").ResourceVersion); {
		case err != nil || last >= next:
			w.t.Fatalf("got version %d, %v; want one before %d", last, err, next)
		case last == next-1:
			return
		}
	}
}
