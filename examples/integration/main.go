// Command integration shows how alert-history's main takes its targets from the sidecar's snapshot: a drop-in for the lookups that it
// has, the sidecar's calls on its own port, and the reader's metrics beside its own.
//
//	go run ./examples/integration run/targets.json http://127.0.0.1:8095
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: integration PATH SIDECAR-URL")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, "127.0.0.1:8080", os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, address, path, sidecarURL string) error {
	sidecar, err := url.Parse(sidecarURL)
	if err != nil {
		return fmt.Errorf("reading the sidecar's URL: %w", err)
	}
	reader, err := targetsfile.Open(ctx, path, targetsfile.WithLogger(slog.Default()))
	if err != nil {
		return err
	}
	defer reader.Close()
	// The startup probe of the sidecar has let this container start, so the file is there; elsewhere this waits for it.
	if err := reader.WaitReady(ctx); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return serve(ctx, listener, newHandler(NewTargets(reader), sidecar))
}

// newHandler is what the app serves on its port.
func newHandler(targets *Targets, sidecar *url.URL) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(targets.reader))

	mux := http.NewServeMux()
	proxy := NewSidecarProxy(sidecar)
	mux.Handle("/api/v2/publishing/targets", proxy)
	mux.Handle("/api/v2/publishing/targets/", proxy)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		// Whether there are targets at all. Not reader.Healthy: an app with stale targets still publishes nearly every alert.
		if targets.reader.Snapshot() == nil {
			http.Error(w, "no targets yet", http.StatusServiceUnavailable)
		}
	})
	return mux
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(limited)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
