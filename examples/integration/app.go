package main

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
)

// run serves until ctx is done.
func run(ctx context.Context, address, path, sidecarURL string) error {
	targets, err := openTargets(ctx, path, sidecarURL)
	if err != nil {
		return err
	}
	defer targets.Close()
	modes := core.NewModeManager(targets)
	targets.OnChange(modes.OnTargetsChanged)

	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(targets.Reader()))

	mux := http.NewServeMux()
	core.Handle(mux, targets, modes)
	mux.Handle("POST "+core.API+"/refresh", core.AdminOnly(targets.RefreshHandler()))
	mux.Handle("GET "+core.API+"/status", targets.StatusHandler())
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return core.Serve(ctx, address, mux)
}
