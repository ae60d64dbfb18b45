package api

import (
	_ "embed"
	"errors"
	"io"
	"net/http"
	"net/http/pprof"
	"strconv"

	"github.com/rs/zerolog"
)

// healthy is the answer to a probe that succeeds.
type healthy struct {
	Status   string `json:"status"`
	Instance string `json:"instance"`
}

// healthz answers the liveness probe.
func (h *Handler) healthz(x *exchange) {
	if err := h.config.Health.Alive(); err != nil {
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeNotAlive, Message: err.Error()})
		return
	}
	x.answer(http.StatusOK, healthy{Status: "ok", Instance: x.instance})
}

// readyz answers the startup and readiness probes.
func (h *Handler) readyz(x *exchange) {
	err := h.config.Health.Ready()
	switch {
	case err == nil:
		x.answer(http.StatusOK, healthy{Status: "ready", Instance: x.instance})
	case errors.Is(err, ErrShuttingDown):
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeShuttingDown, Message: err.Error()})
	default:
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeNotReady, Message: err.Error()})
	}
}

// NewProbes returns a handler of /healthz and /readyz only, for a listener of its own when the main one asks for what a kubelet does
// not have. Its requests are not counted: the main handler's metrics have the same names. The zero Logger drops reports of panics.
func NewProbes(health Health, instance string, logger zerolog.Logger) (*Handler, error) {
	if health == nil || instance == "" {
		return nil, errors.New("api: NewProbes needs Health and an instance")
	}
	h := &Handler{config: Config{Health: health, Instance: instance, Logger: logger}}
	if err := h.serve(h.probes()); err != nil {
		return nil, err
	}
	return h, nil
}

// probes lists the routes for a kubelet.
func (h *Handler) probes() []route {
	codes := []int{http.StatusOK, http.StatusServiceUnavailable}
	return []route{
		{path: "/healthz", method: http.MethodGet, answer: h.healthz, codes: codes},
		{path: "/readyz", method: http.MethodGet, answer: h.readyz, codes: codes},
	}
}

// openapiDocument describes the whole interface. Tests hold it to the routes here, and every answer to it in test/openapi.
//
//go:embed openapi.yaml
var openapiDocument string

// openapi answers the description of the interface.
func openapi(x *exchange) {
	x.send("application/yaml", openapiDocument)
}

// send sends a body that is not JSON.
func (x *exchange) send(contentType, body string) {
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(x, body) // as in answer
}

// NewProfiling returns a handler of /debug/pprof/, for a listener of its own that only its owner can reach: profiles show what the
// process does, and its command line. A profile may take longer than the server's timeouts.
//
// Importing net/http/pprof also adds its handlers to [http.DefaultServeMux], which nothing here serves: [NewServer] insists on a handler.
func NewProfiling() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
