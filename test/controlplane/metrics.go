package controlplane

import (
	"bytes"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metric asks the API server for one of its own metrics, a counter or a gauge, and returns the sum of the series with these labels; 0 if
// there is none. The shared control plane counts what all tests do. apiserver_request_total has a WATCH when it ends, the gauge
// apiserver_longrunning_requests while it lasts.
func (p *Plane) Metric(t testing.TB, name string, labels map[string]string) (sum float64) {
	t.Helper()
	text, err := p.admin.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatalf("controlplane: asking for the API server's metrics: %v", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("controlplane: reading the API server's metrics: %v", err)
	}
	for _, series := range families[name].GetMetric() {
		if hasLabels(series, labels) {
			sum += series.GetCounter().GetValue() + series.GetGauge().GetValue()
		}
	}
	return sum
}

func hasLabels(series *dto.Metric, labels map[string]string) bool {
	matching := 0
	for _, pair := range series.GetLabel() {
		if want, ok := labels[pair.GetName()]; ok && want == pair.GetValue() {
			matching++
		}
	}
	return matching == len(labels)
}
