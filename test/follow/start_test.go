package follow_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestAnAPIServerThatHasJustStarted refuses everybody until it has read the roles: a refresh at that moment must not cost a minute.
func TestAnAPIServerThatHasJustStarted(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	w := newWorld(t, private.Plane)
	w.webhook("a", 1)
	e := w.follow(func(s *setup) { s.keeps = []string{"a"} })
	const starts = 5 // one of which should have that moment
	for range starts {
		w.must(private.StopAPIServer())
		ready := make(chan error)
		go func() { ready <- private.StartAPIServer(t.Context()) }()
		began := w.refreshWhenForbidden(e)
		w.must(<-ready)
		e.untilStatus("follows changes again", connected)
		late := e.late(w, "a")
		if began.IsZero() {
			continue
		}
		e.untilStatus("is well again", func(s targetsync.RefreshStatus) bool { return s.State == targetsync.StateSuccess })
		e.told("403 right after a start of the API server", late)
		t.Logf("%s from the refusal to a refresh that succeeded, %d requests refused with 403", time.Since(began).Round(time.Millisecond),
			e.requests.answered(http.StatusForbidden).Load())
		return
	}
	t.Logf("in %d starts of the API server no refresh was refused with 403", starts)
}

// refreshWhenForbidden asks an API server that starts over and over, until it answers. At the first 403 it has the engine refresh. It returns when
// that was, if the engine was refused, too.
func (w *world) refreshWhenForbidden(e *engine) (began time.Time) {
	w.t.Helper()
	config := ownConnections(w.t, w.plane.Config(w.user))
	client, err := rest.HTTPClientFor(config)
	w.must(err)
	forbidden := e.requests.answered(http.StatusForbidden)
	var first, last time.Time
	e.until("is served", func() error {
		resp, err := client.Get(config.Host + "/api/v1/namespaces/" + w.namespace + "/secrets?limit=1")
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusOK:
			return nil
		case resp.StatusCode == http.StatusForbidden && first.IsZero():
			before := forbidden.Load()
			first = time.Now()
			run, err := e.manager.Refresh("")
			w.must(err)
			_, err = run.Wait(w.t.Context())
			w.must(err)
			if forbidden.Load() > before {
				began = first
			}
		}
		last = time.Now()
		return errors.New(resp.Status)
	})
	if !first.IsZero() {
		w.t.Logf("the API server refused a LIST with 403 for %s", last.Sub(first).Round(time.Millisecond))
	}
	return began
}
