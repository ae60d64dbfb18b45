package api

import (
	"errors"
	"net/http"
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
