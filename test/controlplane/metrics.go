package controlplane

import (
	"bytes"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/exposition"
)

// Metric asks the API server for one of its own metrics, a counter or a gauge, and returns the sum of the series with these labels; 0 if
// there is none. A shared control plane counts what all tests of the package do. apiserver_request_total counts a WATCH when it
// ends, the gauge apiserver_longrunning_requests while it lasts.
func (p *Plane) Metric(t testing.TB, name string, labels map[string]string) float64 {
	t.Helper()
	return p.Metrics(t).Sum(name, labels)
}

// Metrics asks the API server for all of its metrics, for when several of one moment are wanted.
func (p *Plane) Metrics(t testing.TB) exposition.Families {
	t.Helper()
	text, err := p.admin.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatalf("controlplane: asking for the API server's metrics: %v", err)
	}
	families, err := exposition.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	return families
}
