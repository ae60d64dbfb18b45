package follow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// forbiddenWarning is the log's line about a forbidden watch, which comes once per outage.
const forbiddenWarning = "changes must not be followed, they wait for the next periodic refresh; the watch is tried again"

func forbidden(s targetsync.RefreshStatus) bool {
	return !s.Watch.Connected && strings.Contains(s.Watch.Error, "403 Forbidden")
}

// shortWatches has watches end by themselves soon: the API server asks for rights only when a watch begins.
func shortWatches(s *setup) { s.server.WatchLimit = 3 * time.Second }

// TestTheRightToWatchIsTakenAndGivenBack expects refreshes to go on meanwhile.
func TestTheRightToWatchIsTakenAndGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b")
	e := w.follow(shortWatches, func(s *setup) {
		s.keeps = []string{"a", "b"}
		s.Interval = time.Second
	})
	e.expectLive(w, "b")
	w.plane.Grant(t, w.user, w.namespace, "list")
	e.untilStatus("notices", forbidden)
	watches, began := e.requests.watches.Load(), time.Now()
	w.webhook("a", 2) // it comes with a LIST
	e.until("publishes the edit", func() error { return differ("a/2", e.published()[0]) })
	e.untilMetric(2, "publishing_watch_restarts_total", "forbidden")
	if s := e.manager.GetStatus(); s.State == targetsync.StateFailed || !forbidden(s) {
		t.Errorf("got state %s and watch %+v, want no failure but of the watch", s.State, s.Watch)
	}
	if got := e.requests.watches.Load() - watches; got > backoff(time.Since(began)) {
		t.Errorf("got %d watches while they are forbidden, want at most %d", got, backoff(time.Since(began)))
	}
	if got := e.warnings.count("forbidden"); got != 1 { // the reason; that the right is missing is believed after a minute
		t.Errorf("got %d warnings for this reason, want 1:\n%s", got, &e.warnings)
	}
	w.plane.Grant(t, w.user, w.namespace, "list", "watch")
	e.untilStatus("follows changes again", connected)
	e.expectLive(w, "b")
}

// TestForbiddenForAMoment refuses for a moment, as an API server does that has just started and has not read the roles yet.
func TestForbiddenForAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 1)
	network := w.newNetwork()
	e := w.follow(over(network))
	w.plane.Grant(t, w.user, w.namespace, "list")
	network.Cut()
	e.untilStatus("notices", disconnected)
	network.Mend()
	e.untilMetric(1, "publishing_watch_restarts_total", "forbidden")
	w.webhook("a", 2)
	w.plane.Grant(t, w.user, w.namespace, "list", "watch")
	e.awaits("a/2")
	if got := e.requests.lists.Load(); got != 1 {
		t.Errorf("got %d LISTs, want the first one only: the watch goes on where it was\n%s", got, &e.warnings)
	}
}

// TestWatchIsNeverGranted has a Role from before changes were followed: list only.
func TestWatchIsNeverGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.plane.Grant(t, w.user, w.namespace, "list")
	w.webhook("a", 1)
	e := w.start(func(s *setup) { s.Interval = time.Second })
	e.untilStatus("is ready", func(s targetsync.RefreshStatus) bool { return s.Ready && forbidden(s) })
	w.webhook("a", 2)
	e.awaits("a/2")
	e.untilMetric(3, "publishing_watch_restarts_total", "forbidden")
	watches := e.requests.watches.Load() // before the LISTs are counted, because those go on
	if lists := e.requests.lists.Load(); watches > lists {
		t.Errorf("got %d WATCHes for %d LISTs, want at most one after each", watches, lists)
	}
	if got := e.warnings.count(forbiddenWarning); got != 1 {
		t.Errorf("got %d warnings that changes must not be followed, want 1:\n%s", got, &e.warnings)
	}
	w.plane.Grant(t, w.user, w.namespace, "list", "watch")
	e.untilStatus("follows changes", connected)
	e.expectLive(w, "a")
}

// TestNamespacesAreFollowedEachOnItsOwn has a namespace that may be listed and not watched.
func TestNamespacesAreFollowedEachOnItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	third, listed := w.elsewhere("list", "watch"), w.elsewhere("list")
	w.webhook("a", 1)
	third.webhook("b", 1)
	listed.webhook("c", 1)
	e := w.start(func(s *setup) {
		s.Namespaces = []string{listed.namespace, w.namespace, third.namespace}
		s.keeps = []string{"a", "b", "c"}
	})
	e.untilStatus("is ready", func(s targetsync.RefreshStatus) bool { return s.Ready && forbidden(s) })
	listed.webhook("c", 2)
	w.webhook("a", 2)
	third.webhook("b", 2)
	e.awaits("a/2", "b/2", "c/1") // c waits for a LIST
	e.expectRequests(exactly(3), exactly(3))
	if s := e.manager.GetStatus(); !strings.Contains(s.Watch.Error, listed.namespace) {
		t.Errorf("got %q, want the namespace that is not followed", s.Watch.Error)
	}
	w.must(e.manager.RefreshNow())
	e.awaits("a/2", "b/2", "c/2")
	w.webhook("a", 3)
	third.webhook("b", 3)
	e.awaits("a/3", "b/3", "c/2")
	e.until("tries the forbidden one again", func() error {
		if e.requests.watches.Load() < 4 {
			return errors.New("no new WATCH")
		}
		return nil
	})
	e.expectRequests(exactly(6), exactly(4)) // the two watches that are open stay so
}

// TestANamespaceIsDeleted deletes one with its Secrets and its Role, and makes it again. No controller runs here, so the test does what the
// namespace controller does. To an API server a namespace is no more than a name: the watch of a deleted one stays open and tells of each
// Secret; a LIST in it needs a right like any other, and finds nothing.
func TestANamespaceIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b")
	began := time.Now()
	quick := func(s *setup) { s.Interval = time.Second }
	e := w.follow(shortWatches, quick)
	guarded := w.follow(shortWatches, quick, func(s *setup) { s.MinTargets, s.keeps = 2, []string{"a", "b"} })
	w.delete("a")
	w.delete("b")
	e.awaits()
	guarded.until("keeps the last snapshot", func() error {
		s := guarded.manager.GetStatus()
		if s.Discovered != 0 {
			return fmt.Errorf("%d Secrets are known", s.Discovered)
		}
		return differ([]string{"a/1", "b/1"}, guarded.published())
	})
	usual := w.follow() // its watch is open all the time
	w.must(w.plane.DeleteNamespace(t.Context(), w.namespace))
	for _, e := range []*engine{e, guarded} { // the role has gone with the namespace
		e.untilStatus("is refused", func(s targetsync.RefreshStatus) bool {
			return forbidden(s) && s.State == targetsync.StateFailed && strings.Contains(s.Error, "403 Forbidden")
		})
	}
	_, err := w.plane.Admin().CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}, metav1.CreateOptions{})
	w.must(err)
	w.webhook("a", 2)
	w.webhook("b", 2)
	w.plane.Grant(t, w.user, w.namespace, "list", "watch")
	for _, e := range []*engine{e, guarded} {
		e.awaits("a/2", "b/2")
		e.untilStatus("follows changes again", connected)
		most := 5 + int64(time.Since(began)/time.Second) // one LIST an interval, and those that the watches ask for
		e.expectRequests(limits{2, most}, limits{2, most})
	}
	e.expectLive(w, "a")
	usual.told("the namespace was deleted and made again, the watch stayed open", usual.late(w, "a"))
	usual.expectRequests(exactly(1), exactly(1))
	e.told("the namespace was deleted and made again, with rights that went and came", e.late(w, "a"))
}
