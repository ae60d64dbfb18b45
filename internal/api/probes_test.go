package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

func TestProbesAnswerNothingElse(t *testing.T) {
	engine := &fakeEngine{ready: errors.New("no snapshot")}
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
		t.Error("got no error without Health")
	}
	if _, err := api.NewProbes(&fakeEngine{}, "", zerolog.Nop()); err == nil {
		t.Error("got no error without an instance")
	}
}
