package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Engine is what the API shows and asks. A [*targetsync.DefaultRefreshManager] is one.
type Engine interface {
	Refresher
	StatusSource
	TargetSource
}

// Config is what a [Handler] needs.
type Config struct {
	Engine       Engine     // required
	SnapshotPath string     // the file that the engine publishes, as the status names it; required
	Authorizer   Authorizer // decides who may refresh and list targets; nil: everyone

	Gatherer   prometheus.Gatherer   // what /metrics exposes; required
	Registerer prometheus.Registerer // takes the request metrics; nil: they are counted, but exposed nowhere

	Instance string         // the pod's name, or the host's; required
	Logger   zerolog.Logger // takes audit lines and faults; the zero Logger drops them
}

// validate reports every missing field at once.
func (c Config) validate() error {
	var faults []error
	require := func(present bool, field string) {
		if !present {
			faults = append(faults, errors.New("api: Config."+field+" is required"))
		}
	}
	require(c.Engine != nil, "Engine")
	require(c.SnapshotPath != "", "SnapshotPath")
	require(c.Gatherer != nil, "Gatherer")
	require(c.Instance != "", "Instance")
	return errors.Join(faults...)
}

// Handler is the HTTP interface. It is safe for concurrent use and holds nothing that needs closing.
type Handler struct {
	config  Config
	routes  map[string]route // by path
	metrics *requestMetrics
	audit   *auditLog
	page    page
	targets encodedTargets
	rounds  rounds
	waiters chan struct{} // one element per caller who waits for a refresh to end
}

// New returns the handler. It fails if a required field of the Config is missing, or if the metrics cannot be registered.
func New(config Config) (*Handler, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	h := &Handler{
		config: config, audit: newAuditLog(config.Logger), page: newPage(), rounds: newRounds(), waiters: make(chan struct{}, maxWaiters),
	}
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

	// Deferred calls run last to first, so a panic is answered before the answer is counted.
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

// otherPath stands, in metrics and logs, for every path that is not a route's.
const otherPath = "other"

// answerFunc answers one request. The exchange tells afterwards what the answer was, which the ResponseWriter of an [http.Handler] does not.
type answerFunc func(*exchange)

// route is one path and the one method it takes; a GET route takes HEAD too, whose body net/http drops.
type route struct {
	path   string
	method string
	answer answerFunc
	codes  []int // the codes of its intended answers; 500, which every route can answer, is left out
}

// table lists all routes.
func (h *Handler) table() []route {
	guard := &guard{authorizer: h.config.Authorizer, logger: h.config.Logger, faults: newFloodControl()}
	return append(probes(h.config.Engine), []route{
		{
			path: "/api/v2/publishing/targets/refresh", method: http.MethodPost, answer: h.audit.record(sameOrigin(guard.protect(h.refresh))),
			codes: []int{
				http.StatusOK, http.StatusAccepted, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
				http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
			},
		},
		{
			path: "/api/v2/publishing/targets", method: http.MethodGet, answer: guard.protect(h.listTargets),
			codes: []int{
				http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
				http.StatusServiceUnavailable,
			},
		},
		{
			path: "/api/v2/publishing/targets/status", method: http.MethodGet, answer: h.status,
			codes: []int{http.StatusOK},
		},
		{
			path: "/metrics", method: http.MethodGet, answer: h.metricsPage(),
			codes: []int{http.StatusOK},
		},
		{
			path: "/", method: http.MethodGet, answer: h.statusPage,
			codes: []int{http.StatusOK},
		},
		{
			path: "/openapi.yaml", method: http.MethodGet, answer: openapi,
			codes: []int{http.StatusOK},
		},
	}...)
}

// route finds the answer to a request, and the name of its path that is safe as a metric label.
//
// Routes are kept in a map, because an [http.ServeMux] redirects paths that are not clean. The path is compared as it was sent: a
// proxy in front that guards a path must not be passed by an escaped spelling of it.
func (h *Handler) route(r *http.Request) (path string, answer answerFunc) {
	found, ok := h.routes[r.URL.EscapedPath()]
	switch {
	case misdirected(r):
		return otherPath, refuseForeignHost
	case !ok:
		return otherPath, notFound
	case r.Method == found.method, r.Method == http.MethodHead && found.method == http.MethodGet:
		return found.path, found.answer
	default:
		return found.path, found.refuseMethod
	}
}

func notFound(x *exchange) {
	x.refuse(http.StatusNotFound, problem{Code: codeNotFound, Message: "No such path"})
}

// refuseMethod answers a request whose method the route does not take.
func (r route) refuseMethod(x *exchange) {
	allowed := r.method
	if allowed == http.MethodGet {
		allowed = "GET, HEAD"
	}
	x.Header().Set("Allow", allowed)
	x.refuse(http.StatusMethodNotAllowed, problem{Code: codeMethodNotAllowed, Message: "This path takes " + allowed})
}

// recoverPanic turns a panic into a 500. It is to be deferred.
//
// Only the panic value's type is logged, never its text: that may hold whatever the code at fault was working on, a Secret's value
// included. The stack shows arguments as addresses.
func (h *Handler) recoverPanic(x *exchange, path string) {
	value := recover()
	if value == nil {
		return
	}
	h.config.Logger.Error().Str("request_id", x.requestID).Str("path", path).
		Str("panic_type", fmt.Sprintf("%T", value)).Bytes("stack", debug.Stack()).
		Msg("answering a request panicked, the server goes on")
	if x.code != 0 {
		// The answer has begun and cannot be taken back. This value tells net/http, quietly, to cut the connection, so that the
		// client does not take a part for the whole.
		panic(http.ErrAbortHandler)
	}
	x.refuse(http.StatusInternalServerError, problem{Code: codeInternal, Message: "Internal error"})
}
