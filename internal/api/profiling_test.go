package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

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
