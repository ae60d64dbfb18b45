package api_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// sample is one series of a metric of requests.
type sample struct {
	present bool
	count   float64 // the counter's value, or how often the histogram observed
	sum     float64 // the sum of a histogram's observations
}

// sampleOf returns the series of a family that has all the given label values.
func sampleOf(t *testing.T, h *harness, family string, values ...string) sample {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var have []string
			for _, label := range m.GetLabel() {
				have = append(have, label.GetValue())
			}
			missing := func(v string) bool { return !slices.Contains(have, v) }
			if f.GetName() != family || slices.ContainsFunc(values, missing) {
				continue
			}
			if d := m.GetHistogram(); d != nil {
				return sample{true, float64(d.GetSampleCount()), d.GetSampleSum()}
			}
			return sample{true, m.GetCounter().GetValue(), 0}
		}
	}
	return sample{}
}

// countOf returns the value of publishing_http_requests_total; 0 if it is absent.
func countOf(t *testing.T, h *harness, path, method, code string) float64 {
	t.Helper()
	return sampleOf(t, h, "publishing_http_requests_total", path, method, code).count
}

// requestCounts returns all series of publishing_http_requests_total by "method path code".
func requestCounts(t *testing.T, h *harness) map[string]float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]float64)
	for _, f := range families {
		if f.GetName() != "publishing_http_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			label := make(map[string]string)
			for _, pair := range m.GetLabel() {
				label[pair.GetName()] = pair.GetValue()
			}
			counts[label["method"]+" "+label["path"]+" "+label["code"]] = m.GetCounter().GetValue()
		}
	}
	return counts
}

func TestRequestsAreCounted(t *testing.T) {
	h := newHarness(t)
	h.do(post(""))
	h.refuseWith(busy())
	h.do(post(""))
	h.do(get(statusPath))
	h.do(httptest.NewRequest(http.MethodHead, "/healthz", nil))
	h.do(httptest.NewRequest("PURGE", "/healthz", nil))
	h.do(get("/nowhere"))
	h.do(get("/elsewhere"))
	h.do(get("/metrics"))

	want := map[string]float64{
		"GET " + statusPath + " 200":   1,
		"GET /metrics 200":             1,
		"HEAD /healthz 200":            1,
		"POST " + refreshPath + " 202": 1,
		"POST " + refreshPath + " 503": 1,
		"GET other 404":                2,
		"other /healthz 405":           1,
	}
	got := requestCounts(t, h)
	maps.DeleteFunc(got, func(_ string, count float64) bool { return count == 0 }) // the OpenAPI document's test is about those that exist from the start
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	problems, err := testutil.GatherAndLint(h.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("got lint problems %v, %v, want none", problems, err)
	}
}

func TestRequestsAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		const family = "publishing_http_request_duration_seconds"
		if got, want := sampleOf(t, h, family, refreshPath, "POST"), (sample{present: true}); got != want {
			t.Errorf("got %+v before the first request, want %+v", got, want)
		}
		h.refresh = func(string) (*targetsync.Run, error) { time.Sleep(20 * time.Millisecond); return run(), nil }
		h.do(post(""))
		if got, want := sampleOf(t, h, family, refreshPath, "POST"), (sample{true, 1, 0.02}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestNoCallerTextInMetrics(t *testing.T) {
	h := newHarness(t)
	r := httptest.NewRequest("HUNTER2", "/hunter2?hunter2=hunter2", strings.NewReader("hunter2"))
	r.Host = "hunter2"
	r.Header.Set("User-Agent", "hunter2")
	r.Header.Set("X-Request-ID", "hunter2")
	h.do(r)
	r.URL.Path, r.URL.RawQuery = refreshPath, ""
	h.do(r)
	page := h.do(get("/metrics")).Body.String()
	if strings.Contains(strings.ToLower(page), "hunter2") {
		t.Errorf("got the caller's text in the metrics:\n%s", page)
	}
	if want := `publishing_http_requests_total{code="404",method="other",path="other"} 1`; !strings.Contains(page, want) {
		t.Errorf("got\n%s\nwant %s in it", page, want)
	}
}

func TestMetricsPage(t *testing.T) {
	h := newHarness(t)
	plain := h.do(get("/metrics"))
	if got := plain.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("got content type %q, want the classic text format", got)
	}
	r := get("/metrics")
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	r.Header.Set("Accept-Encoding", "gzip")
	open := h.do(r)
	if got := open.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0") {
		t.Errorf("got content type %q, want OpenMetrics", got)
	}
	if !strings.HasSuffix(open.Body.String(), "# EOF\n") {
		t.Error("got OpenMetrics without its end, or compressed")
	}
	checkHeaders(t, open.Header(), map[string]string{
		"X-Request-Id": "req-1", "Content-Type": open.Header().Get("Content-Type"), "Vary": "Accept",
		"Content-Length": strconv.Itoa(open.Body.Len()),
	})
}

// panickingGatherer has no method behind the one it promises.
type panickingGatherer struct{ prometheus.Gatherer }

func TestMetricsPageOfOddGatherers(t *testing.T) {
	failing := prometheus.NewRegistry()
	failing.MustRegister(prometheus.CollectorFunc(func(out chan<- prometheus.Metric) {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("x", "x", nil, nil), errors.New("collected twice"))
	}))
	tests := []struct {
		name     string
		gatherer prometheus.Gatherer
		code     int
		label    string
		body     string
	}{
		{"one that fails", failing, 500, "500", "collected twice"},
		{"one that panics", panickingGatherer{}, 500, "500", `{"error":"internal",`},
		{"one without metrics", prometheus.NewRegistry(), 200, "200", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &harness{fakeEngine: &fakeEngine{}, registry: prometheus.NewRegistry(), log: &logBuffer{}}
			config := h.config()
			config.Gatherer = tt.gatherer
			handler, err := api.New(config)
			if err != nil {
				t.Fatal(err)
			}
			h.handler = handler
			w := h.do(get("/metrics"))
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("got %d %s, want %d with %q in it", w.Code, w.Body, tt.code, tt.body)
			}
			if got := countOf(t, h, "/metrics", "GET", tt.label); got != 1 {
				t.Errorf("got %v requests counted with %s, want 1", got, tt.label)
			}
		})
	}
}
