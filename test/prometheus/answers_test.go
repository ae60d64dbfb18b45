package prometheus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
)

// expectForms fails if Prometheus does not store the histograms of a fleet as its ways say.
func expectForms(t *testing.T, s *server, f fleet) {
	t.Helper()
	for _, w := range slices.Concat(f.ways...) {
		for name, forms := range map[string][]form{refreshTime: w.refreshes, answerTime: w.answers} {
			classic := slices.Contains(forms, classicSeries)
			native := slices.Contains(forms, exponential) || slices.Contains(forms, customBuckets)
			for series, want := range map[string]bool{name: native, name + "_bucket": classic, name + "_count": classic, name + "_sum": classic} {
				got, err := s.query(fmt.Sprintf("count(present_over_time(%s{namespace=%q, job=%q}[1h]))", series, f.namespace, w.name))
				if err != nil || len(got) > 0 != want {
					t.Errorf("%s, scraped as %s: got %v, %v, want any: %v", series, w.name, got, err, want)
				}
			}
		}
	}
}

// expectQuantiles compares what the expressions of the dashboard and the README answer for a fleet with what was measured.
func expectQuantiles(t *testing.T, s *server, f fleet, pods []*measured) {
	t.Helper()
	truths := truth(t, f, pods)
	for _, q := range append(queries(t), manual(t)...) {
		if !strings.Contains(q.text, "_duration_seconds") {
			continue
		}
		want, ok := truths[q.where]
		if !ok {
			t.Errorf("nobody knows what %s should answer: %s", q.where, q.text)
			continue
		}
		samples, err := s.query(q.in(f.namespace, "1h"))
		if err != nil {
			t.Errorf("%s: %v", q.where, err)
		}
		got := answers(samples, f.namespace)
		for key, span := range want {
			if len(got[key]) != 1 || !span.holds(got[key][0]) {
				t.Errorf("%s: got %v for %q, want one answer of %s", q.where, got[key], key, span)
			}
		}
	}
}

// answers returns the values about a namespace, by pod or path.
func answers(samples model.Vector, namespace string) map[string][]float64 {
	all := map[string][]float64{}
	for _, sample := range samples {
		if of, ok := sample.Metric["namespace"]; !ok || string(of) == namespace {
			key := string(sample.Metric["pod"] + sample.Metric["path"])
			all[key] = append(all[key], float64(sample.Value))
		}
	}
	return all
}

// truth returns what each expression about a histogram should answer, by pod or path.
func truth(t *testing.T, f fleet, pods []*measured) map[string]map[string]span {
	t.Helper()
	var medians, slowest, slowestAnswers []span
	byPod, means := map[string]span{}, map[string]span{}
	for i, those := range f.ways {
		best, p := those[0], pods[i]
		refreshes := func(q float64) span {
			return p.refreshes.quantile(q, best.refreshes[0], p.bounds(t, refreshTime))
		}
		medians, slowest = append(medians, refreshes(0.5)), append(slowest, refreshes(0.99))
		byPod[p.name] = refreshes(0.95)
		slowestAnswers = append(slowestAnswers, p.answers.quantile(0.99, best.answers[0], p.bounds(t, answerTime)))
		// A sum and a count of a classic histogram are series, too, and extrapolated each by itself: by half of what was seen at most.
		means[p.name] = span{p.refreshes.mean() / 1.5, p.refreshes.mean() * 1.5}
	}
	return map[string]map[string]span{
		`panel "Duration of refreshes", query A`:       {"": quantile(0.5, medians)},
		`panel "Duration of refreshes", query B`:       {"": quantile(1, slowest)},
		`panel "99th percentile of answers", query A`:  {refreshCall: quantile(1, slowestAnswers)},
		"README: 95th percentile of refreshes, by pod": byPod,
		"README: Mean duration of refreshes, by pod":   means,
	}
}
