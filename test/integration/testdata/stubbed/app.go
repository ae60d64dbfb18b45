package main

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
)

// run serves until ctx is done.
func run(ctx context.Context, address, path, sidecarURL string) error {
	targets := stub{}
	modes := core.NewModeManager(targets)

	registry := prometheus.NewRegistry()

	mux := http.NewServeMux()
	core.Handle(mux, targets, modes)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return core.Serve(ctx, address, mux)
}
