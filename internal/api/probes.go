package api

import (
	"errors"
	"net/http"

	"github.com/rs/zerolog"
)

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
