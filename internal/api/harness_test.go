package api_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

const (
	refreshPath = "/api/v2/publishing/targets/refresh"
	targetsPath = "/api/v2/publishing/targets"
	statusPath  = "/api/v2/publishing/targets/status"

	snapshotPath = "/var/run/publishing-targets/targets.json"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is not in UTC and finer than a millisecond, so that every answer that shows it shows the conversion too.
var started = time.Date(2026, 1, 2, 11, 30, 45, 123_456_789, time.FixedZone("CET", 3600))

// run is a refresh that began at started and has ended with fullStatus.
func run() *targetsync.Run {
	run, end := targetsync.NewRun("req-0", started)
	end(fullStatus(), nil)
	return run
}

// busy refuses a refresh because one runs.
func busy() error { return &targetsync.InProgressError{Run: run()} }

// fakeEngine is an engine whose answers a test sets.
type fakeEngine struct {
	refresh   func(requestID string) (*targetsync.Run, error) // what both ways to ask for a refresh answer; nil: accepted at started
	joins     bool                                            // somebody else has asked for the refresh that follows
	status    func() targetsync.RefreshStatus                 // nil: ready, and nothing else
	published *targetsync.Published
	heartbeat time.Duration // how long ago the last one was
}

// Refresh implements [api.Refresher].
func (e *fakeEngine) Refresh(requestID string) (*targetsync.Run, error) {
	if e.refresh == nil {
		return run(), nil
	}
	return e.refresh(requestID)
}

// RefreshAfter implements [api.Refresher].
func (e *fakeEngine) RefreshAfter(requestID string) (*targetsync.Run, bool, error) {
	run, err := e.Refresh(requestID)
	return run, err == nil && !e.joins, err
}

// GetStatus implements [api.StatusSource].
func (e *fakeEngine) GetStatus() targetsync.RefreshStatus {
	if e.status == nil {
		return targetsync.RefreshStatus{Ready: true}
	}
	return e.status()
}

// SinceHeartbeat implements [api.StatusSource].
func (e *fakeEngine) SinceHeartbeat() time.Duration { return e.heartbeat }

// Published implements [api.TargetSource].
func (e *fakeEngine) Published() *targetsync.Published { return e.published }

// refuseWith makes both ways to ask for a refresh fail.
func (e *fakeEngine) refuseWith(err error) {
	e.refresh = func(string) (*targetsync.Run, error) { return nil, err }
}

// show sets the status.
func (e *fakeEngine) show(s targetsync.RefreshStatus) {
	e.status = func() targetsync.RefreshStatus { return s }
}

// harness is a handler on a fake engine, with what it logs and counts.
type harness struct {
	*fakeEngine
	handler  http.Handler
	registry *prometheus.Registry
	log      *logBuffer
}

func newHarness(tb testing.TB) *harness {
	tb.Helper()
	return newHarnessWith(tb, func(*api.Config) {})
}

// newHarnessWith lets the test change the Config.
func newHarnessWith(tb testing.TB, change func(*api.Config)) *harness {
	tb.Helper()
	h := &harness{fakeEngine: &fakeEngine{}, registry: prometheus.NewPedanticRegistry(), log: &logBuffer{}}
	config := h.config()
	change(&config)
	handler, err := api.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	h.handler = handler
	return h
}

func (h *harness) config() api.Config {
	return api.Config{
		Engine: h, SnapshotPath: snapshotPath, Gatherer: h.registry, Registerer: h.registry,
		Instance: "alert-history-0", Logger: zerolog.New(h.log).Level(zerolog.InfoLevel),
	}
}

// do sends a request whose ID, unless it has one, is req-1.
func (h *harness) do(r *http.Request) *httptest.ResponseRecorder {
	if r.Header.Get("X-Request-ID") == "" {
		r.Header.Set("X-Request-ID", "req-1")
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// post asks for a refresh from a remote address.
func (h *harness) post(remote string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, refreshPath, nil)
	r.RemoteAddr = remote
	return h.do(r)
}

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func post(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, refreshPath, strings.NewReader(body))
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// take returns the lines since the last call, decoded.
func (l *logBuffer) take(tb testing.TB) []map[string]any {
	tb.Helper()
	var lines []map[string]any
	for text := range strings.Lines(l.takeText()) {
		var line map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &line); err != nil { // strict: no key twice
			tb.Fatalf("log line %d: %v", len(lines)+1, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// takeText returns the lines since the last call.
func (l *logBuffer) takeText() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}
