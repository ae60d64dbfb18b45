package follow_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// requests counts what an engine asks of the API server, refused and unanswered requests included.
type requests struct {
	lists, watches atomic.Int64
	checks         atomic.Int64 // LISTs of a single Secret, which find out whether the API server has gone back
	answers        sync.Map     // the number of answers, a pointer to an atomic.Int64, by HTTP status
}

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
	case req.URL.Query().Get("limit") == "1":
		c.requests.checks.Add(1)
	default:
		c.requests.lists.Add(1)
	}
	resp, err := c.RoundTripper.RoundTrip(req)
	if err == nil {
		c.requests.answered(resp.StatusCode).Add(1)
	}
	return resp, err
}

// answered counts the answers with a status.
func (r *requests) answered(status int) *atomic.Int64 {
	count, _ := r.answers.LoadOrStore(status, new(atomic.Int64))
	return count.(*atomic.Int64)
}

// String is how docs/compatibility.md counts requests.
func (r *requests) String() string {
	return fmt.Sprintf("%d LISTs, %d checks, %d WATCHes", r.lists.Load(), r.checks.Load(), r.watches.Load())
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

// late edits a Secret and returns how long it takes until the edit is in the file.
func (e *engine) late(w *world, secret string) time.Duration {
	e.t.Helper()
	began := time.Now()
	edit := int(began.UnixMicro()) // no other edit has that number
	w.webhook(secret, edit)
	began = time.Now()
	e.until("publishes the edit", func() error {
		if want := fmt.Sprintf("%s/%d", secret, edit); !slices.Contains(e.published(), want) {
			return fmt.Errorf("got %v, want %s among them", e.published(), want)
		}
		return nil
	})
	return time.Since(began)
}

// told is one row of the table in docs/compatibility.md.
func (e *engine) told(row string, late time.Duration) {
	e.t.Helper()
	e.t.Logf("%s: an edit is late by %s; %s; %d warnings", row, late.Round(time.Millisecond), &e.requests, e.warnings.lines())
}

// expectLive edits a Secret until an edit is published without a LIST in between. A LIST may be due at any moment, so one edit may not do.
func (e *engine) expectLive(w *world, secret string) {
	e.t.Helper()
	const tries = 5
	for range tries {
		before := e.requests.lists.Load()
		e.late(w, secret)
		if e.requests.lists.Load() == before {
			return
		}
	}
	e.t.Errorf("each of %d edits of %s took a LIST\nwarnings:\n%s", tries, secret, &e.warnings)
}
