package main

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// NewSidecarProxy passes calls on to the sidecar beside the app, so that /api/v2/publishing/targets goes on answering on the app's own
// port. Path, query, body, Authorization and X-Request-ID arrive as the caller sent them, and the sidecar decides who may call.
func NewSidecarProxy(sidecar *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(sidecar)
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			slog.Warn("the sidecar does not answer, targets are served all the same", "path", r.URL.Path, "error", err)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(`{"error":"sidecar_unavailable","message":"The refresh sidecar does not answer"}` + "\n"))
		},
	}
}
