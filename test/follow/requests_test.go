package follow_test

import (
	"net/http"
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
