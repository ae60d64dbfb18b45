package sidecar_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// watches returns how many watches of Secrets the API server has seen, open ones included.
func watches(t testing.TB, plane *controlplane.Plane) float64 {
	of := map[string]string{"verb": "WATCH", "resource": "secrets"}
	return plane.Metric(t, "apiserver_request_total", of) + plane.Metric(t, "apiserver_longrunning_requests", of)
}

func lists(t testing.TB, plane *controlplane.Plane) float64 {
	return plane.Metric(t, "apiserver_request_total", map[string]string{"verb": "LIST", "resource": "secrets"})
}

func publishes(p *sidecar.Process, url string) {
	p.Until("publishes "+url, func() error {
		d := p.Document()
		if d == nil || len(d.Entries) != 1 || d.Entries[0].URL != url {
			return errors.New("it is not there")
		}
		return nil
	})
}

// TestChangesAreFollowedOrNot counts what the API server is asked, by its own metrics.
func TestChangesAreFollowedOrNot(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	w := newWorld(t, private.Plane)
	edit := func(n int) (url string) {
		url = fmt.Sprintf("https://example.com/%d", n)
		w.put("a", map[string]string{"type": "webhook", "url": url})
		return url
	}
	before := watches(t, private.Plane)
	p := w.start("--no-watch", "--refresh-interval", "1s")
	publishes(p, edit(1))
	publishes(p, edit(2)) // found by a refresh
	if s := p.Status(); s.Watch.Enabled || s.Watch.Connected || s.Watch.Error != "" {
		t.Errorf("got watch %+v with --no-watch", s.Watch)
	}
	if _, metrics := p.Do(http.MethodGet, "/metrics"); strings.Contains(metrics, "publishing_watch") {
		t.Error("with --no-watch there are metrics of a watch")
	}
	p.Terminate()
	if got := watches(t, private.Plane) - before; got != 0 {
		t.Errorf("the API server saw %v watches of Secrets with --no-watch, want none", got)
	}

	p = w.start() // as shipped: the next refresh is minutes away
	p.Until("follows changes", func() error {
		if s := p.Status(); !s.Watch.Connected {
			return fmt.Errorf("watch %+v", s.Watch)
		}
		return nil
	})
	listed := lists(t, private.Plane)
	for n := 3; n < 8; n++ {
		publishes(p, edit(n))
	}
	if got := lists(t, private.Plane) - listed; got != 0 {
		t.Errorf("the API server saw %v LISTs of Secrets after edits, want none", got)
	}
	if got := watches(t, private.Plane) - before; got != 1 {
		t.Errorf("the API server saw %v watches of Secrets, want 1", got)
	}
	if _, metrics := p.Do(http.MethodGet, "/metrics"); !strings.Contains(metrics, "\npublishing_watch_connected 1\n") {
		t.Error("publishing_watch_connected is not 1")
	}
	if code, _ := p.Terminate(); code != 0 {
		t.Errorf("with an open watch: got exit code %d, want 0", code)
	}
}

// TestARoleWithoutWatch has a Role from before changes were followed: refreshes go on.
func TestARoleWithoutWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.plane.Grant(t, w.user, w.namespace, "list")
	w.webhook("a")
	p := w.start("--refresh-interval", "1s")
	p.Until("publishes", func() error { return ready(p) })
	w.webhook("b")
	p.Until("publishes what a refresh finds", func() error {
		if got := p.Names(); !slices.Equal(got, []string{"a", "b"}) {
			return fmt.Errorf("got %v", got)
		}
		return nil
	})
	p.Until("says what is missing", func() error {
		if s := p.Status(); s.State == "failed" || s.Error != "" || !s.Watch.Enabled || s.Watch.Connected || !strings.Contains(s.Watch.Error, "403") {
			return fmt.Errorf("status %s: %q, watch %+v", s.State, s.Error, s.Watch)
		}
		return nil
	})
	if got := len(p.Logs("changes must not be followed, they wait for the next periodic refresh; the watch is tried again")); got != 1 {
		t.Errorf("got %d warnings, want 1", got)
	}
}
