// Package exposition reads metrics as Prometheus would scrape them.
package exposition

import (
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Families are the metrics of one scrape, by name.
type Families map[string]*dto.MetricFamily

// Read parses what a scrape answered.
func Read(text io.Reader) (Families, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	return families, nil
}

// Sum returns the sum of a counter's or gauge's series with these labels, whatever others they have; 0 if there is none.
func (f Families) Sum(name string, labels map[string]string) (sum float64) {
	for _, series := range f[name].GetMetric() {
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
