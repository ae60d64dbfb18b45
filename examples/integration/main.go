// Command integration shows how alert-history takes its targets from the sidecar. targets.go is what to add to the app, package core stands
// for what the app has, and in this main a few lines differ from one without targets: docs/integration.md shows them.
//
//	go run ./examples/integration run/targets.json http://127.0.0.1:8095
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "where the app serves")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: integration [-listen ADDRESS] PATH SIDECAR-URL")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
}

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
