package api_test

import (
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

func TestProbeAnswers(t *testing.T) {
	checkAnswers(t, []answerCase{
		{
			name:    "liveness",
			request: get("/healthz"),
			code:    200,
			body:    `{"status":"ok","instance":"alert-history-0"}`,
		},
		{
			name:    "liveness is lost",
			engine:  func(e *fakeEngine) { e.heartbeat = time.Minute + 2499*time.Millisecond },
			request: get("/healthz"),
			code:    503,
			body:    `{"error":"not_alive","message":"the refresh loop gave no sign of life for 1m2s","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "a heartbeat is due",
			engine:  func(e *fakeEngine) { e.heartbeat = time.Minute },
			request: get("/healthz"),
			code:    200,
			body:    `{"status":"ok","instance":"alert-history-0"}`,
		},
		{
			name:    "an engine that was stopped gives no heartbeat",
			engine:  func(e *fakeEngine) { e.heartbeat = time.Hour; e.show(targetsync.RefreshStatus{Stopping: true}) },
			request: get("/healthz"),
			code:    200,
			body:    `{"status":"ok","instance":"alert-history-0"}`,
		},
		{
			name:    "readiness",
			request: get("/readyz"),
			code:    200,
			body:    `{"status":"ready","instance":"alert-history-0"}`,
		},
		{
			name:    "not ready yet",
			engine:  func(e *fakeEngine) { e.show(targetsync.RefreshStatus{}) },
			request: get("/readyz"),
			code:    503,
			body:    `{"error":"not_ready","message":"no snapshot of this source is in place yet","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "not ready any more",
			engine:  func(e *fakeEngine) { e.show(targetsync.RefreshStatus{Stopping: true}) },
			request: get("/readyz"),
			code:    503,
			body:    `{"error":"shutting_down","message":"shutting down","request_id":"req-1","instance":"alert-history-0"}`,
		},
	})
}

func TestProbesAnswerNothingElse(t *testing.T) {
	engine := &fakeEngine{}
	engine.show(targetsync.RefreshStatus{})
	probes, err := api.NewProbes(engine, "alert-history-0", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{fakeEngine: engine, handler: probes}
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 503, "/": 404, "/metrics": 404, statusPath: 404, targetsPath: 404, refreshPath: 404, "/openapi.yaml": 404,
	} {
		if w := h.do(get(path)); w.Code != want {
			t.Errorf("GET %s: got %d, want %d", path, w.Code, want)
		}
	}
	if w := h.do(post("")); w.Code != http.StatusNotFound {
		t.Errorf("got %d for a refresh, want 404", w.Code)
	}
}

func TestNewProbesNeedsItsArguments(t *testing.T) {
	if _, err := api.NewProbes(nil, "alert-history-0", zerolog.Nop()); err == nil {
		t.Error("got no error without a StatusSource")
	}
	if _, err := api.NewProbes(&fakeEngine{}, "", zerolog.Nop()); err == nil {
		t.Error("got no error without an instance")
	}
}

func TestOpenAPIDocumentIsServed(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := newHarness(t).do(get("/openapi.yaml"))
	if w.Code != http.StatusOK || w.Body.String() != string(want) || w.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("got %d %s and %d bytes, want the document", w.Code, w.Header().Get("Content-Type"), w.Body.Len())
	}
}

// TestOpenAPIDocumentKnowsTheRoutes compares it with the series that the handler starts with, one for each route, method and code of its
// table. That real answers have the shapes described is tested in test/openapi, as it takes a heavy library.
func TestOpenAPIDocumentKnowsTheRoutes(t *testing.T) {
	h := newHarness(t)
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	if err := yaml.Unmarshal(h.do(get("/openapi.yaml")).Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	described := make(map[string]bool)
	for path, operations := range document.Paths {
		for method, operation := range operations {
			for code := range operation.Responses {
				described[strings.ToUpper(method)+" "+path+" "+code] = true
			}
			if operation.Responses["403"] == nil || operation.Responses["405"] == nil {
				t.Errorf("%s %s: got no 403 or no 405, want both: every path answers callers who are led astray, and other methods", method, path)
			}
		}
	}
	known := make(map[string]bool)
	for series := range requestCounts(t, newHarness(t)) {
		known[series] = true
	}
	// Who is refused before a route is found is counted under another path, or not at all on the listener of the probes.
	maps.DeleteFunc(described, func(operation string, _ bool) bool {
		code := operation[strings.LastIndexByte(operation, ' ')+1:]
		return !known[operation] && (code == "403" || code == "404" || code == "405")
	})
	if diff := cmp.Diff(known, described); diff != "" {
		t.Errorf("operations and codes (-code +document):\n%s", diff)
	}
}

func TestProfilingAnswers(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: api.NewProfiling()})
	for path, want := range map[string]int{
		"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/cmdline": 200,
		"/debug/pprof/symbol": 200, "/": 404, "/metrics": 404,
	} {
		if got := server.do(t, http.MethodGet, path, nil); got.code != want {
			t.Errorf("GET %s: got %d %s, want %d", path, got.code, got.body, want)
		}
	}
}

// TestProfileOutlastsTheServersTimeouts takes a trace of a second, the shortest there is, on a server with shorter timeouts.
func TestProfileOutlastsTheServersTimeouts(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: api.NewProfiling(), ReadTimeout: 500 * time.Millisecond, WriteTimeout: 500 * time.Millisecond})
	begun := time.Now()
	got := server.do(t, http.MethodGet, "/debug/pprof/trace?seconds=1", nil)
	if took := time.Since(begun); got.code != http.StatusOK || !strings.HasPrefix(got.body, "go 1.") || took < time.Second {
		t.Errorf("got %d and %d bytes after %s, want a trace of a second", got.code, len(got.body), took)
	}
}

func TestMainHandlerDoesNotProfile(t *testing.T) {
	if w := newHarness(t).do(get("/debug/pprof/")); w.Code != http.StatusNotFound {
		t.Errorf("got %d, want 404", w.Code)
	}
}
