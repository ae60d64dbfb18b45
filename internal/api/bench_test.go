package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// discard is a ResponseWriter that costs nothing, so that a benchmark shows the handler's cost.
type discard struct {
	header http.Header
	code   int
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(body []byte) (int, error) { return len(body), nil }
func (d *discard) WriteHeader(code int)           { d.code = code }

func benchmark(b *testing.B, r *http.Request, want int) {
	b.Helper()
	h := &harness{fakeEngine: &fakeEngine{status: fullStatus}, registry: prometheus.NewRegistry()}
	config := h.config()
	config.Logger = zerolog.New(io.Discard).Level(zerolog.InfoLevel)
	handler, err := api.New(config)
	if err != nil {
		b.Fatal(err)
	}
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		handler.ServeHTTP(w, r)
	}
	if w.code != want {
		b.Errorf("got code %d, want %d", w.code, want)
	}
}

func BenchmarkGetStatusHandler(b *testing.B) { benchmark(b, get(statusPath), http.StatusOK) }

func BenchmarkPostRefreshHandler(b *testing.B) {
	benchmark(b, httptest.NewRequest(http.MethodPost, refreshPath, http.NoBody), http.StatusAccepted)
}
