package api

import "net/http"

// otherPath stands, in metrics and logs, for every path that is not a route's.
const otherPath = "other"

// answerFunc answers one request. Unlike with a [http.Handler], the exchange tells afterwards what it answered.
type answerFunc func(*exchange)

// route is one path and the one method it takes; a GET route takes HEAD too, whose body net/http drops.
type route struct {
	path   string
	method string
	answer answerFunc
	codes  []int // expected ones but 500, which no route expects and each is watched for
}

// table lists all routes.
func (h *Handler) table() []route {
	guard := &guard{authorizer: h.config.Authorizer, logger: h.config.Logger, faults: newFloodControl()}
	return append(h.probes(), []route{
		{
			path: "/api/v2/publishing/targets/refresh", method: http.MethodPost, answer: h.audit.record(guard.protect(h.refresh)),
			codes: []int{
				http.StatusOK, http.StatusAccepted, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
				http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
			},
		},
		{
			path: "/api/v2/publishing/targets", method: http.MethodGet, answer: guard.protect(h.targets),
			codes: []int{
				http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable,
			},
		},
		{
			path: "/api/v2/publishing/targets/status", method: http.MethodGet, answer: h.status,
			codes: []int{http.StatusOK},
		},
		{
			path: "/metrics", method: http.MethodGet, answer: metricsPage(h.config.Gatherer),
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
// It is a map and no [http.ServeMux], because the latter redirects paths that are not clean. The path is compared as it was sent: a
// proxy in front that guards a path must not be passed by an escaped spelling of it.
func (h *Handler) route(r *http.Request) (path string, answer answerFunc) {
	found, ok := h.routes[r.URL.EscapedPath()]
	switch {
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
