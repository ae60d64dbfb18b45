package core

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// API is where the app's calls about targets are.
const API = "/api/v2/publishing/targets"

// Handle adds the app's own calls to mux.
func Handle(mux *http.ServeMux, targets Discovery, modes *ModeManager) {
	publisher := NewPublisher(targets)
	mux.HandleFunc("GET "+API, func(w http.ResponseWriter, _ *http.Request) {
		data := []map[string]any{}
		for _, target := range targets.ListTargets() {
			data = append(data, map[string]any{"name": target.Name, "type": target.Type, "format": target.Format, "enabled": target.Enabled})
		}
		answer(w, http.StatusOK, map[string]any{"data": data, "metadata": map[string]any{"mode": modes.Mode()}})
	})
	mux.HandleFunc("GET "+API+"/{name}", func(w http.ResponseWriter, r *http.Request) {
		target, err := targets.GetTarget(r.PathValue("name"))
		var notFound *ErrTargetNotFound
		switch {
		case errors.As(err, &notFound):
			answer(w, http.StatusNotFound, map[string]any{"error": "target_not_found", "message": err.Error()})
		case err != nil:
			answer(w, http.StatusServiceUnavailable, map[string]any{"error": "targets_unavailable", "message": err.Error()})
		default:
			answer(w, http.StatusOK, map[string]any{"name": target.Name, "type": target.Type})
		}
	})
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
		alert, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "message": err.Error()})
			return
		}
		published, err := publisher.Publish(r.Context(), alert)
		if err != nil {
			answer(w, http.StatusBadGateway, map[string]any{"error": "publishing_failed", "message": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]any{"published": published})
	})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a broken connection is the caller's loss
}

// AdminOnly is the app's check of who may call.
func AdminOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Role") != "admin" {
			answer(w, http.StatusForbidden, map[string]any{"error": "admin_only", "message": "Only administrators may do this"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Serve serves until ctx is done.
func Serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
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
