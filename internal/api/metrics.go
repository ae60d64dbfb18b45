package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// requestMetrics counts requests. Its labels have few values, all known in advance: a caller cannot make new series.
type requestMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	timed    map[[2]string]prometheus.Observer // the duration of each route, by path and method
}

func newRequestMetrics(reg prometheus.Registerer, routes []route) (*requestMetrics, error) {
	m := &requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "publishing_http_requests_total",
			Help: "HTTP requests answered, by path, method and status code.",
		}, []string{"path", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "publishing_http_request_duration_seconds",
			Help: "Time from a request's headers to the end of its answer, by path and method.",
			// Answers come from memory, so a millisecond is long; the upper end is for slow clients.
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .05, .25, 1, 10, 60},
		}, []string{"path", "method"}),
		timed: make(map[[2]string]prometheus.Observer),
	}
	for _, r := range routes {
		m.timed[[2]string{r.path, r.method}] = m.duration.WithLabelValues(r.path, r.method)
		// Counters that exist before they first count let rate() see the first.
		m.requests.WithLabelValues(r.path, r.method, strconv.Itoa(http.StatusInternalServerError))
		for _, code := range r.codes {
			m.requests.WithLabelValues(r.path, r.method, strconv.Itoa(code))
		}
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering the request metrics: %w", err)
		}
	}
	return m, nil
}

func (m *requestMetrics) observe(path, method string, code int, took time.Duration) {
	m.requests.WithLabelValues(path, method, strconv.Itoa(code)).Inc()
	// A request that no route takes is counted and not timed: a scanner would leave a histogram for each path and method.
	if duration, ok := m.timed[[2]string{path, method}]; ok {
		duration.Observe(took.Seconds())
	}
}

// methodLabel returns a method that is safe as a label. HTTP takes any token for a method, so those that are not known are "other".
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	default:
		return "other"
	}
}

// metricsPage answers scrapes. It does not compress: a gzip writer is most of a megabyte, kept from scrape to scrape, and the page is
// a few kilobytes that do not leave the cluster.
func (h *Handler) metricsPage() answerFunc {
	page := promhttp.HandlerFor(h.config.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true, DisableCompression: true})
	return func(x *exchange) {
		// All of a request that decides about the answer: its format, and names of metrics.
		kind := fmt.Sprintf("metrics %q %q", x.request.Header.Values("Accept"), x.request.URL.RawQuery)
		x.sendMade(h.rounds.answer(kind, page, x.request))
	}
}
