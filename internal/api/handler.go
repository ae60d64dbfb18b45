package api

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Config is what a [Handler] needs.
type Config struct {
	Refresher    Refresher    // starts refreshes; required
	StatusSource StatusSource // tells how they went; required
	TargetSource TargetSource // tells what is published; required
	Health       Health       // answers the probes; required

	Authorizer Authorizer // decides who may refresh and list targets; nil: everyone

	Gatherer   prometheus.Gatherer   // what /metrics exposes; required
	Registerer prometheus.Registerer // takes the request metrics; nil: they are counted, but exposed nowhere

	Instance string         // the pod's name, or the host's; required
	Logger   zerolog.Logger // audit lines and faults; the zero Logger drops them
}

// validate reports every missing field at once.
func (c Config) validate() error {
	var faults []error
	require := func(present bool, field string) {
		if !present {
			faults = append(faults, errors.New("api: Config."+field+" is required"))
		}
	}
	require(c.Refresher != nil, "Refresher")
	require(c.StatusSource != nil, "StatusSource")
	require(c.TargetSource != nil, "TargetSource")
	require(c.Health != nil, "Health")
	require(c.Gatherer != nil, "Gatherer")
	require(c.Instance != "", "Instance")
	return errors.Join(faults...)
}

// Handler is the HTTP interface. It is safe for concurrent use and holds nothing that needs closing.
type Handler struct {
	config  Config
	routes  map[string]route // path -> route
	metrics *requestMetrics
	audit   *auditLog
	page    page
	waiters chan struct{} // holds one element per caller who waits for a refresh to end
}

// New returns the handler. It fails if a required field of the Config is missing, or if the metrics cannot be registered.
func New(config Config) (*Handler, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	h := &Handler{config: config, audit: newAuditLog(config.Logger), page: newPage(), waiters: make(chan struct{}, maxWaiters)}
	if err := h.serve(h.table()); err != nil {
		return nil, err
	}
	return h, nil
}

// serve takes the routes into service.
func (h *Handler) serve(routes []route) error {
	metrics, err := newRequestMetrics(h.config.Registerer, routes)
	if err != nil {
		return err
	}
	h.metrics = metrics
	h.routes = make(map[string]route, len(routes))
	for _, r := range routes {
		h.routes[r.path] = r
	}
	return nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	x := &exchange{ResponseWriter: w, request: r, requestID: requestID(r.Header), instance: h.config.Instance}
	x.setHeaders()
	path, answer := h.route(r)

	// Deferred calls run last to first: a panic is answered before the answer is counted.
	defer func() { h.observe(x, path, time.Since(started)) }()
	defer h.recoverPanic(x, path)
	answer(x)
}

// observe counts a finished request.
func (h *Handler) observe(x *exchange, path string, took time.Duration) {
	method := methodLabel(x.request.Method)
	code := cmp.Or(x.code, http.StatusOK) // what net/http sends for a handler that sent nothing
	h.metrics.observe(path, method, code, took)
	h.config.Logger.Debug().Str("request_id", x.requestID).Str("method", method).Str("path", path).
		Int("code", code).Float64("duration_ms", float64(took)/float64(time.Millisecond)).Msg("request answered")
}
