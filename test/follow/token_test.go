package follow_test

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
)

// untilRefused waits until the API server refuses a token, and returns how long that takes.
func (w *world) untilRefused(token string) time.Duration {
	w.t.Helper()
	client, err := kubernetes.NewForConfig(ownConnections(w.t, w.plane.Config(controlplane.User{Token: token})))
	w.must(err)
	const longest = 2 * time.Minute
	began := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < longest {
		_, err := client.CoreV1().Secrets(w.namespace).List(w.t.Context(), metav1.ListOptions{Limit: 1})
		if apierrors.IsUnauthorized(err) {
			return time.Since(began)
		}
		w.must(err)
		<-tick.C
	}
	w.t.Fatalf("the token is not refused within %s", longest)
	return 0
}

// TestTheTokenExpiresWhileAWatchIsOpen replaces the token as a kubelet does, while the old one is good, and waits until the API server refuses
// the old one, which takes more than a minute on 1.37. Meanwhile the watch is not cut by a load balancer that grants an idle connection 40
// seconds, fewer than lie between bookmarks: client-go asks every 30 seconds whether a silent connection lives.
func TestTheTokenExpiresWhileAWatchIsOpen(t *testing.T) {
	w := newWorld(t, controlplane.Get(t))
	const account, life = "alert-history", 5 * time.Second
	next := w.plane.ServiceAccountToken(t, w.namespace, account)
	w.user = controlplane.User{Name: "system:serviceaccount:" + w.namespace + ":" + account, Token: next}
	w.plane.Grant(t, w.user, w.namespace, "list", "watch")
	w.webhook("a", 1)
	mounted := newVolume(t)
	old, end := w.plane.Expired(t, next, -life), time.Now().Add(life)
	mounted.write("token", []byte(old))
	network := wire.New(t, w.balancer(40*time.Second))
	e := w.follow(over(network), func(s *setup) {
		s.server.REST.BearerToken, s.server.REST.BearerTokenFile = "", mounted.path("token")
		s.keeps = []string{"a"}
	})
	mounted.write("token", []byte(next))
	began := time.Now()
	t.Parallel() // Much of the minute may be over when it is this test's turn.
	if w.untilRefused(old) > time.Second {
		t.Logf("an API server refuses a token %s after its end", time.Since(end).Round(time.Second))
	}
	t.Logf("nothing was changed for %s, behind a load balancer that cuts idle connections after 40 s", time.Since(began).Round(time.Second))
	e.told("the token has expired, the watch is open", e.late(w, "a"))
	again := int64(time.Since(began) / (3 * time.Minute)) // A watch is opened again after three minutes without a bookmark, or four with them.
	e.expectRequests(exactly(1), limits{1, 1 + again})

	e.refresh()
	network.Cut()
	e.untilStatus("notices", disconnected)
	network.Mend()
	e.told("the watch was opened again", e.late(w, "a"))
	e.expectRequests(exactly(2), limits{2, 3 + again})
	if got := e.requests.answered(401).Load(); got != 0 {
		t.Errorf("%d requests were refused with 401, want none", got)
	}
}
