package follow_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// requests counts what an engine asks of the API server, refused and unanswered requests included.
type requests struct{ lists, watches atomic.Int64 }

// wrap returns a transport whose requests are counted.
func (r *requests) wrap(next http.RoundTripper) http.RoundTripper { return counting{next, r} }

type counting struct {
	http.RoundTripper
	requests *requests
}

// RoundTrip implements http.RoundTripper.
func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case !strings.HasSuffix(req.URL.Path, "/secrets"):
	case req.URL.Query().Get("watch") == "true":
		c.requests.watches.Add(1)
	default:
		c.requests.lists.Add(1)
	}
	return c.RoundTripper.RoundTrip(req)
}

// WrappedRoundTripper lets idle connections be found, and closed.
func (c counting) WrappedRoundTripper() http.RoundTripper { return c.RoundTripper }

// limits are how many requests there may be.
type limits struct{ least, most int64 }

func exactly(n int64) limits { return limits{n, n} }

// String describes the limits.
func (l limits) String() string { return fmt.Sprintf("%d to %d", l.least, l.most) }

// expectRequests bounds what the engine has asked of the API server so far.
func (e *engine) expectRequests(lists, watches limits) {
	e.t.Helper()
	if got := e.requests.lists.Load(); got < lists.least || got > lists.most {
		e.t.Errorf("got %d LISTs, want %s\nwarnings:\n%s", got, lists, &e.warnings)
	}
	if got := e.requests.watches.Load(); got < watches.least || got > watches.most {
		e.t.Errorf("got %d WATCHes, want %s\nwarnings:\n%s", got, watches, &e.warnings)
	}
}

// expectLive edits a Secret until an edit is published without a LIST in between. A LIST may be due at any moment, so one edit may not do.
func (e *engine) expectLive(w *world, secret string) {
	e.t.Helper()
	const tries = 5
	for range tries {
		e.liveEdits++
		edit := 1000 + e.liveEdits
		before := e.requests.lists.Load()
		w.webhook(secret, edit)
		e.until("publishes the edit", func() error {
			if want := fmt.Sprintf("%s/%d", secret, edit); !slices.Contains(e.published(), want) {
				return fmt.Errorf("got %v, want %s among them", e.published(), want)
			}
			return nil
		})
		if e.requests.lists.Load() == before {
			return
		}
	}
	e.t.Errorf("each of %d edits of %s took a LIST\nwarnings:\n%s", tries, secret, &e.warnings)
}
