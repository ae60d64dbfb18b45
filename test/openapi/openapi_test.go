package openapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

const (
	refreshPath = "/api/v2/publishing/targets/refresh"
	targetsPath = "/api/v2/publishing/targets"
	statusPath  = "/api/v2/publishing/targets/status"
)

// outcome is one thing that a call can come to.
type outcome struct {
	name    string
	call    string // method and path, with query
	code    int
	prepare func(*engine)
	body    string
	token   string
	accept  string
	origin  string // of the page for which a browser asks; empty: no browser
}

func refusal(err error) func(*engine) { return func(e *engine) { e.refuse(err) } }

func guarded(e *engine) { e.authorizer = e }

func panicking(e *engine) { e.panics = true }

func showing(s targetsync.RefreshStatus) func(*engine) { return func(e *engine) { e.status = s } }

// stopped has the engine stop while somebody waits.
func stopped(e *engine) {
	e.refresh = func() (*targetsync.Run, error) {
		run, end := targetsync.NewRun("req-0", time.Now())
		end(e.status, targetsync.ErrStopped)
		return run, nil
	}
}

// endless is a refresh that does not end; with begun false it has not begun either.
func endless(begun bool) func(*engine) {
	return func(e *engine) {
		e.refresh = func() (*targetsync.Run, error) {
			run, _ := targetsync.NewRun("req-0", time.Time{})
			if begun {
				run.StartedAt = time.Now()
			}
			return run, nil
		}
	}
}

func outcomes() []outcome {
	return append(repeated(), []outcome{
		{name: "refresh starts", call: "POST " + refreshPath, code: 202},
		{name: "refresh with an empty object", call: "POST " + refreshPath, code: 202, body: "{}"},
		{name: "refresh with a token", call: "POST " + refreshPath, code: 202, prepare: guarded, token: "good"},
		{name: "refresh ends", call: "POST " + refreshPath + "?wait=1m", code: 200},
		{name: "refresh does not end", call: "POST " + refreshPath + "?wait=1ms", code: 504, prepare: endless(true)},
		{name: "refresh does not begin", call: "POST " + refreshPath + "?wait=1ms", code: 504, prepare: endless(false)},
		{name: "engine stops meanwhile", call: "POST " + refreshPath + "?wait=1.5s", code: 503, prepare: stopped},
		{name: "bad wait", call: "POST " + refreshPath + "?wait=61s", code: 400},
		{name: "bad body", call: "POST " + refreshPath, code: 400, body: "[]"},
		{name: "long body", call: "POST " + refreshPath, code: 413, body: strings.Repeat(" ", 2<<10)},
		{name: "refresh runs", call: "POST " + refreshPath, code: 503, prepare: refusal(&targetsync.InProgressError{Run: &targetsync.Run{StartedAt: time.Now()}})},
		{name: "not started", call: "POST " + refreshPath, code: 503, prepare: refusal(targetsync.ErrNotStarted)},
		{name: "shutting down", call: "POST " + refreshPath, code: 503, prepare: refusal(targetsync.ErrStopped)},
		{name: "rate limited", call: "POST " + refreshPath, code: 429, prepare: refusal(&targetsync.RateLimitError{RetryAfter: time.Second})},
		{name: "page of another site", call: "POST " + refreshPath, code: 403, origin: "https://evil.example"},
		{name: "unknown error", call: "POST " + refreshPath, code: 500, prepare: refusal(errors.New("unknown"))},
		{name: "targets", call: "GET " + targetsPath, code: 200},
		{name: "targets of a type", call: "GET " + targetsPath + "?type=slack", code: 200, prepare: guarded, token: "good"},
		{name: "no targets yet", call: "GET " + targetsPath, code: 200, prepare: func(e *engine) { e.published = nil }},
		{name: "unknown type", call: "GET " + targetsPath + "?type=email", code: 400},
		{name: "status", call: "GET " + statusPath, code: 200},
		{name: "status at first", call: "GET " + statusPath, code: 200, prepare: showing(targetsync.RefreshStatus{State: targetsync.StateIdle})},
		{name: "metrics", call: "GET /metrics", code: 200},
		{name: "metrics as OpenMetrics", call: "GET /metrics", code: 200, accept: "application/openmetrics-text; version=1.0.0"},
		{name: "metrics fail", call: "GET /metrics", code: 500, prepare: func(e *engine) { e.gatherer = failing }},
		{name: "alive", call: "GET /healthz", code: 200},
		{name: "not alive", call: "GET /healthz", code: 503, prepare: func(e *engine) { e.heartbeat = time.Hour }},
		{name: "ready", call: "GET /readyz", code: 200},
		{name: "not ready", call: "GET /readyz", code: 503, prepare: showing(targetsync.RefreshStatus{})},
		{name: "not ready any more", call: "GET /readyz", code: 503, prepare: showing(targetsync.RefreshStatus{Stopping: true})},
		{name: "document", call: "GET /openapi.yaml", code: 200},
		{name: "page", call: "GET /", code: 200},
		{name: "page of a guarded server", call: "GET /", code: 200, prepare: guarded},
		{name: "unknown path", call: "GET /nowhere", code: 404},
		{name: "wrong method", call: "GET " + refreshPath, code: 405},
	}...)
}

// repeated are the outcomes that several calls have in common.
func repeated() []outcome {
	var list []outcome
	for _, call := range []string{"POST " + refreshPath, "GET " + targetsPath} {
		list = append(list,
			outcome{name: "no token", call: call, code: 401, prepare: guarded},
			outcome{name: "bad token", call: call, code: 401, prepare: guarded, token: "bad"},
			outcome{name: "token of somebody else", call: call, code: 403, prepare: guarded, token: "forbidden"},
			outcome{name: "too many tokens", call: call, code: 429, prepare: guarded, token: "many"},
			outcome{name: "nobody knows", call: call, code: 503, prepare: guarded, token: "away"},
		)
	}
	for _, path := range []string{targetsPath, statusPath, "/healthz", "/readyz", "/"} {
		list = append(list, outcome{name: "panic", call: "GET " + path, code: 500, prepare: panicking})
	}
	for _, path := range []string{targetsPath, statusPath, "/metrics", "/healthz", "/readyz", "/openapi.yaml", "/"} {
		list = append(list, outcome{name: "wrong method", call: "PUT " + path, code: 405})
	}
	return list
}

// failing is a gatherer whose metrics cannot be gathered.
var failing = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("unknown") })

func (o outcome) request() *http.Request {
	method, path, _ := strings.Cut(o.call, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(o.body))
	if o.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	if o.origin != "" {
		r.Header.Set("Origin", o.origin)
	}
	if o.accept != "" {
		r.Header.Set("Accept", o.accept)
	}
	return r
}

func TestAnswersAreAsDescribed(t *testing.T) {
	doc := loadDocument(t)
	for _, o := range outcomes() {
		t.Run(o.name+" "+o.call, func(t *testing.T) {
			e := newEngine(t)
			if o.prepare != nil {
				o.prepare(e)
			}
			w := httptest.NewRecorder()
			e.handler(t).ServeHTTP(w, o.request())
			if w.Code != o.code {
				t.Errorf("got code %d, want %d", w.Code, o.code)
			}
			if err := doc.check(t.Context(), o.request(), w); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("panic GET /openapi.yaml", func(t *testing.T) {
		w := &flakyWriter{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodGet, "/openapi.yaml", nil)
		newEngine(t).handler(t).ServeHTTP(w, r)
		if err := doc.check(t.Context(), r, w.ResponseRecorder); err != nil || w.Code != http.StatusInternalServerError {
			t.Errorf("got %d, %v, want 500 as described", w.Code, err)
		}
	})
	t.Run("too many waiters", func(t *testing.T) { checkTooManyWaiters(t, doc) })
	doc.checkAllSeen(t)
}

// flakyWriter panics when it is asked for its header the second time: nothing else in an answer that is a constant can go wrong.
type flakyWriter struct {
	*httptest.ResponseRecorder
	asked int
}

// Header implements [http.ResponseWriter].
func (w *flakyWriter) Header() http.Header {
	if w.asked++; w.asked == 2 {
		panic("as the case wants it")
	}
	return w.ResponseRecorder.Header()
}

func checkTooManyWaiters(t *testing.T, doc *document) {
	e := newEngine(t)
	entered := make(chan struct{})
	run, end := targetsync.NewRun("req-0", time.Now())
	e.refresh = func() (*targetsync.Run, error) {
		entered <- struct{}{}
		return run, nil
	}
	h := e.handler(t)
	wait := outcome{call: "POST " + refreshPath + "?wait=1m"}
	const places = 32
	gone := make(chan struct{}, places)
	for range places {
		go func() {
			h.ServeHTTP(httptest.NewRecorder(), wait.request())
			gone <- struct{}{}
		}()
		<-entered
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, wait.request())
	if err := doc.check(t.Context(), wait.request(), w); err != nil || !strings.Contains(w.Body.String(), "too_many_waiters") {
		t.Errorf("got %d %s, %v, want 503 too_many_waiters as described", w.Code, w.Body, err)
	}
	end(e.status, nil)
	for range places {
		<-gone
	}
}
