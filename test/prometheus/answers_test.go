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
	var medians, slowest, slowestAnswers, all []span
	byPod := map[string]span{}
	sum := 0.0
	for i, p := range pods {
		best := f.ways[i][0]
		refreshes := func(q float64) span {
			return best.refreshes[0].told(quantile(q, p.refreshes), p.bounds(t, refreshTime))
		}
		medians, slowest = append(medians, refreshes(0.5)), append(slowest, refreshes(0.99))
		byPod[p.name] = refreshes(0.95)
		slowestAnswers = append(slowestAnswers, best.answers[0].told(quantile(0.99, p.answers), p.bounds(t, answerTime)))
		for _, r := range p.refreshes {
			sum += r.low
		}
		all = append(all, p.refreshes...)
	}
	mean := sum / float64(len(all))
	return map[string]map[string]span{
		`panel "Duration of refreshes", query A`:      {"": quantile(0.5, medians)},
		`panel "Duration of refreshes", query B`:      {"": quantile(1, slowest)},
		`panel "99th percentile of answers", query A`: {refreshCall: quantile(1, slowestAnswers)},
		"README: 95th percentile of refreshes, by pod":        byPod,
		// rate() extrapolates to the edges of its window, for each pod by another part of a scrape interval.
		"README: Mean duration of refreshes, by namespace": {"": span{0.8 * mean, 1.2 * mean}},
	}
}
