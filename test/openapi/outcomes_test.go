package openapi_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// The operations, as the document names them.
const (
	refresh = "POST /api/v2/publishing/targets/refresh"
	list    = "GET /api/v2/publishing/targets"
	status  = "GET /api/v2/publishing/targets/status"
	metrics = "GET /metrics"
	alive   = "GET /healthz"
	ready   = "GET /readyz"
	openAPI = "GET /openapi.yaml"
	page    = "GET /"
)

// outcome is one thing that a call can come to.
type outcome struct {
	name      string
	operation string
	code      int
	prepare   func(*engine)
	before    func(t *testing.T, e *engine, url string) // what others do first

	wait, kind, token string // what the caller gives, the bearer token included

	// What a request has that no client of the document sends by itself.
	method, body, host, origin, accept string
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
			e.asked <- struct{}{}
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
		{name: "refresh starts", operation: refresh, code: 202},
		{name: "refresh with an empty object", operation: refresh, code: 202, body: "{}"},
		{name: "refresh with null", operation: refresh, code: 202, body: "null"},
		{name: "refresh with a token", operation: refresh, code: 202, prepare: guarded, token: "good"},
		{name: "refresh ends", operation: refresh, wait: "1m", code: 200},
		{name: "refresh does not end", operation: refresh, wait: "1ms", code: 504, prepare: endless(true)},
		{name: "refresh does not begin", operation: refresh, wait: "1ms", code: 504, prepare: endless(false)},
		{name: "engine stops meanwhile", operation: refresh, wait: "1.5s", code: 503, prepare: stopped},
		{name: "bad wait", operation: refresh, wait: "61s", code: 400},
		{name: "bad body", operation: refresh, code: 400, body: "[]"},
		{name: "long body", operation: refresh, code: 413, body: strings.Repeat(" ", 2<<10)},
		{name: "refresh runs", operation: refresh, code: 503, prepare: refusal(&targetsync.InProgressError{Run: &targetsync.Run{StartedAt: time.Now()}})},
		{name: "not started", operation: refresh, code: 503, prepare: refusal(targetsync.ErrNotStarted)},
		{name: "shutting down", operation: refresh, code: 503, prepare: refusal(targetsync.ErrStopped)},
		{name: "rate limited", operation: refresh, code: 429, prepare: refusal(&targetsync.RateLimitError{RetryAfter: time.Second})},
		{name: "page of another site", operation: refresh, code: 403, origin: "https://evil.example"},
		{name: "unknown error", operation: refresh, code: 500, prepare: refusal(errors.New("unknown"))},
		{name: "targets", operation: list, code: 200},
		{name: "targets of a type", operation: list, kind: "slack", code: 200, prepare: guarded, token: "good"},
		{name: "no targets yet", operation: list, code: 200, prepare: func(e *engine) { e.published = nil }},
		{name: "unknown type", operation: list, kind: "email", code: 400},
		{name: "status", operation: status, code: 200},
		{name: "status at first", operation: status, code: 200, prepare: showing(targetsync.RefreshStatus{State: targetsync.StateIdle})},
		{name: "metrics", operation: metrics, code: 200},
		{name: "metrics as OpenMetrics", operation: metrics, code: 200, accept: "application/openmetrics-text; version=1.0.0"},
		{name: "metrics fail", operation: metrics, code: 500, prepare: func(e *engine) { e.gatherer = failing }},
		{name: "alive", operation: alive, code: 200},
		{name: "not alive", operation: alive, code: 503, prepare: func(e *engine) { e.heartbeat = time.Hour }},
		{name: "ready", operation: ready, code: 200},
		{name: "not ready", operation: ready, code: 503, prepare: showing(targetsync.RefreshStatus{})},
		{name: "not ready any more", operation: ready, code: 503, prepare: showing(targetsync.RefreshStatus{Stopping: true})},
		{name: "document", operation: openAPI, code: 200},
		{name: "page", operation: page, code: 200},
		{name: "page of a guarded server", operation: page, code: 200, prepare: guarded},
		{name: "too many waiters", operation: refresh, wait: "1m", code: 503, prepare: endless(true), before: takeAllPlaces},
		{name: "document fails", operation: openAPI, code: 500, prepare: func(e *engine) { e.unwritten = true }},
	}...)
}

// repeated are the outcomes that several operations have in common.
func repeated() []outcome {
	var all []outcome
	for _, operation := range []string{refresh, list} {
		all = append(all,
			outcome{name: "no token", operation: operation, code: 401, prepare: guarded},
			outcome{name: "bad token", operation: operation, code: 401, prepare: guarded, token: "bad"},
			outcome{name: "token of somebody else", operation: operation, code: 403, prepare: guarded, token: "forbidden"},
			outcome{name: "too many tokens", operation: operation, code: 429, prepare: guarded, token: "many"},
			outcome{name: "nobody knows", operation: operation, code: 503, prepare: guarded, token: "away"},
		)
	}
	for _, operation := range []string{list, status, alive, ready, page} {
		all = append(all, outcome{name: "panic", operation: operation, code: 500, prepare: panicking})
	}
	for _, operation := range []string{refresh, list, status, metrics, alive, ready, openAPI, page} {
		all = append(all,
			outcome{name: "wrong method", operation: operation, code: 405, method: http.MethodPut},
			outcome{name: "name of another machine", operation: operation, code: 403, host: "evil.example"},
		)
	}
	for _, operation := range []string{refresh, list, status, metrics, openAPI, page} {
		all = append(all, outcome{name: "listener of the probes", operation: operation, code: 404, prepare: func(e *engine) { e.probes = true }})
	}
	return all
}

// failing is a gatherer whose metrics cannot be gathered.
var failing = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("unknown") })

// request returns the request to the API at a URL.
func (o outcome) request(ctx context.Context, url string) *http.Request {
	method, path, _ := strings.Cut(o.operation, " ")
	if o.wait != "" {
		path += "?wait=" + o.wait
	}
	if o.kind != "" {
		path += "?type=" + o.kind
	}
	r, err := http.NewRequestWithContext(ctx, cmp.Or(o.method, method), url+path, strings.NewReader(o.body))
	if err != nil {
		panic(err) // the table is at fault
	}
	for name, value := range map[string]string{"Origin": o.origin, "Accept": o.accept} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if o.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	r.Host = cmp.Or(o.host, r.Host)
	return r
}

// takeAllPlaces has as many callers wait for a refresh as may.
func takeAllPlaces(t *testing.T, e *engine, url string) {
	t.Helper()
	const places = 32
	ctx, cancel := context.WithCancel(t.Context())
	var waiters sync.WaitGroup
	t.Cleanup(func() { cancel(); waiters.Wait() })
	for range places {
		waiters.Go(func() {
			_, _ = http.DefaultClient.Do(outcome{operation: refresh, wait: "1m"}.request(ctx, url)) // ends with an error, when the test ends
		})
	}
	for range places {
		<-e.asked
	}
}
