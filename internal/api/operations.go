package api

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/rs/zerolog"
)

// heartbeatLimit is how old the engine's heartbeat, which it gives every 10 s, may be: six missed ones are no coincidence.
const heartbeatLimit = 60 * time.Second

// NewProbes returns a handler of /healthz and /readyz only, for a listener of its own when the main one asks for what a kubelet does
// not have. Its requests are not counted: the main handler's metrics have the same names. The zero Logger drops reports of panics.
func NewProbes(source StatusSource, instance string, logger zerolog.Logger) (*Handler, error) {
	if source == nil || instance == "" {
		return nil, errors.New("api: NewProbes needs a StatusSource and an instance")
	}
	h := &Handler{config: Config{Instance: instance, Logger: logger}}
	if err := h.serve(probes(source)); err != nil {
		return nil, err
	}
	return h, nil
}

// probes lists the routes for a kubelet.
func probes(source StatusSource) []route {
	codes := []int{http.StatusOK, http.StatusServiceUnavailable}
	return []route{
		{path: "/healthz", method: http.MethodGet, answer: func(x *exchange) { healthz(x, source) }, codes: codes},
		{path: "/readyz", method: http.MethodGet, answer: func(x *exchange) { readyz(x, source) }, codes: codes},
	}
}

// healthy is the answer to a probe that succeeds.
type healthy struct {
	Status   string `json:"status"`
	Instance string `json:"instance"`
}

// healthz answers the liveness probe: 503 if a restart of the process is the only cure. An engine that was stopped owes no heartbeat.
func healthz(x *exchange, source StatusSource) {
	if age := source.SinceHeartbeat(); age > heartbeatLimit && !source.GetStatus().Stopping {
		x.refuse(http.StatusServiceUnavailable, problem{
			Code: codeNotAlive, Message: fmt.Sprintf("the refresh loop gave no sign of life for %s", age.Round(time.Second)),
		})
		return
	}
	x.answer(http.StatusOK, healthy{Status: "ok", Instance: x.instance})
}

// readyz answers the startup and readiness probes.
func readyz(x *exchange, source StatusSource) {
	switch s := source.GetStatus(); {
	case s.Stopping:
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeShuttingDown, Message: ErrShuttingDown.Error()})
	case !s.Ready:
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeNotReady, Message: "no snapshot of this source is in place yet"})
	default:
		x.answer(http.StatusOK, healthy{Status: "ready", Instance: x.instance})
	}
}

// openapiDocument describes the whole interface. Tests hold it to the routes here, and every answer to it in test/openapi.
//
//go:embed openapi.yaml
var openapiDocument []byte

// openapi answers the description of the interface.
func openapi(x *exchange) { x.send(http.StatusOK, "application/yaml", openapiDocument) }

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
	return onlyLocalNames(mux)
}
