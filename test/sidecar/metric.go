package sidecar

import (
	"net/http"
	"strings"

	"github.com/alert-history/refresh-sidecar/test/exposition"
)

// Metric returns the sum of a counter's or gauge's series with these labels, given as name and value in turn.
func (p *Process) Metric(name string, labels ...string) float64 {
	p.t.Helper()
	_, text := p.Do(http.MethodGet, "/metrics")
	families, err := exposition.Read(strings.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	wanted := map[string]string{}
	for i := 0; i+1 < len(labels); i += 2 {
		wanted[labels[i]] = labels[i+1]
	}
	return families.Sum(name, wanted)
}
