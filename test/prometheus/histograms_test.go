package prometheus_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/exposition"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

const (
	refreshCall = "/api/v2/publishing/targets/refresh"
	refreshTime = "publishing_refresh_duration_seconds"
	answerTime  = "publishing_http_request_duration_seconds"
	// round is how many refreshes are measured. No quantile of the expressions falls between two of them.
	round = 7
)

// measured is a sidecar whose API server is some way off, and how long things took by its log and by our clock.
type measured struct {
	name               string
	process            *sidecar.Process
	refreshes, answers durations
	done               int // refreshes since the start
}

// measuredPods starts three sidecars, the durations of which have no bucket in common.
func measuredPods(t *testing.T) (pods []*measured) {
	t.Helper()
	plane := controlplane.Get(t)
	user := plane.User(t)
	for _, delay := range []time.Duration{0, 60 * time.Millisecond, 300 * time.Millisecond} {
		namespace := plane.Namespace(t)
		plane.Grant(t, user, namespace, "list")
		network := wire.New(t, plane.AdminConfig().Host)
		network.Spoil(wire.Downstream("latency", map[string]int64{"latency": delay.Milliseconds()}))
		kubeconfig := plane.WriteKubeconfig(t, user, namespace)
		text := strings.ReplaceAll(string(read(t, kubeconfig)), plane.AdminConfig().Host, network.URL())
		must(t, os.WriteFile(kubeconfig, []byte(text), 0o600))
		pods = append(pods, &measured{name: "delay-" + delay.String(), process: sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"),
			"--kubeconfig", kubeconfig, "--no-watch", "--refresh-interval", "1h", "--rate-limit", "0")})
	}
	for _, p := range pods {
		p.refreshes.add(p.untilFinished(1))
	}
	return pods
}

// untilFinished waits for more refreshes to end, and returns how long they took.
func (p *measured) untilFinished(more int) (took []span) {
	p.done += more
	p.process.Until("refreshes", func() error {
		lines := p.process.Logs("refresh finished")
		if len(lines) != p.done {
			return fmt.Errorf("%d of %d refreshes have ended", len(lines), p.done)
		}
		took = nil
		for _, line := range lines[p.done-more:] {
			seconds := line["duration_ms"].(float64) / 1000
			took = append(took, span{seconds, seconds + 1e-6}) // the log has whole microseconds
		}
		return nil
	})
	return took
}

// measure has each pod do a round.
func measure(t *testing.T, pods []*measured) {
	t.Helper()
	for _, p := range pods {
		var answers []span
		for range round {
			begun := time.Now()
			if code, body := p.process.Do(http.MethodPost, refreshCall+"?wait=30s"); code != http.StatusOK {
				t.Fatalf("got %d: %s", code, body)
			}
			answers = append(answers, span{0, time.Since(begun).Seconds()})
		}
		refreshes := p.untilFinished(round)
		for i := range answers {
			answers[i].low = refreshes[i].low // the call has waited for it
		}
		p.refreshes.add(refreshes)
		p.answers.add(answers)
	}
}

// bounds returns the upper bounds of a histogram's classic buckets.
func (p *measured) bounds(t *testing.T, name string) (bounds []float64) {
	t.Helper()
	_, page := p.process.Do(http.MethodGet, "/metrics")
	families, err := exposition.Read(strings.NewReader(page))
	must(t, err)
	for _, bucket := range families[name].GetMetric()[0].GetHistogram().GetBucket() {
		bounds = append(bounds, bucket.GetUpperBound())
	}
	return bounds
}

// fleet is a namespace of the first pods, each of which is scraped in its ways.
type fleet struct {
	namespace string
	ways      [][]way
}

// fleets returns one for each way, which is scraped alike, and those of which a part has moved from one way to another.
func fleets() (all []fleet) {
	for _, w := range ways() {
		all = append(all, fleet{w.name, [][]way{{w}, {w}, {w}}})
	}
	for _, w := range rareWays() {
		all = append(all, fleet{w.name, [][]way{{w}}})
	}
	classic, native, custom := ways()[0], ways()[1], ways()[3]
	return append(all,
		fleet{"mixed-1", [][]way{{classic}, {native}, {custom}}},
		fleet{"mixed-2", [][]way{{native}, {custom}, {classic}}},
		fleet{"mixed-3", [][]way{{custom}, {classic}, {native}}},
		fleet{"by-two-jobs", [][]way{{native, classic}, {native, classic}, {native, classic}}},
	)
}

// scrapeFleets tells Prometheus who belongs where.
func (s *server) scrapeFleets(all []fleet, pods []*measured) {
	targets := map[string][]scrape{}
	for _, f := range all {
		for i, those := range f.ways {
			for _, w := range those {
				targets[w.name] = append(targets[w.name], scrape{[]string{strings.TrimPrefix(pods[i].process.URL, "http://")},
					map[string]string{"namespace": f.namespace, "pod": pods[i].name}})
			}
		}
	}
	for _, w := range s.jobs {
		s.discover(w, targets[w.name])
	}
}

// untilCounted waits until the last refresh of each pod is known of each fleet, by a scrape from now on: an answer is counted after the refresh
// for which it waited.
func (s *server) untilCounted(all []fleet, pods []*measured) {
	s.t.Helper()
	now := float64(time.Now().UnixMilli()) / 1000
	for _, f := range all {
		for i, those := range f.ways {
			for _, w := range those {
				series := fmt.Sprintf(`publishing_refresh_total{status="success", namespace=%q, pod=%q, job=%q}`, f.namespace, pods[i].name, w.name)
				expr := fmt.Sprintf("%s and timestamp(%[1]s) >= %.3f", series, now)
				s.until("the last refresh is counted", func() error {
					count, err := s.query(expr)
					if err == nil && (len(count) != 1 || int(count[0].Value) != pods[i].done) {
						err = fmt.Errorf("got %v, want %d", count, pods[i].done)
					}
					return err
				})
			}
		}
	}
}

// A quantile is as right as the form of the histogram allows, whether all pods are scraped alike or some have moved already.
func TestQuantilesAreRightHoweverHistogramsAreScraped(t *testing.T) {
	t.Parallel()
	pods, all := measuredPods(t), fleets()
	s := startServer(t, 2*time.Second, append(ways(), rareWays()...)...)
	s.scrapeFleets(all, pods)
	s.untilCounted(all, pods)
	measure(t, pods)
	s.untilCounted(all, pods)
	for _, f := range all {
		t.Run(f.namespace, func(t *testing.T) { expectForms(t, s, f); expectQuantiles(t, s, f, pods) })
	}

	moved := slices.IndexFunc(all, func(f fleet) bool { return f.namespace == ways()[0].name })
	all[moved].ways = [][]way{{ways()[1]}, {ways()[1]}, {ways()[1]}}
	s.scrapeFleets(all, pods)
	s.untilCounted(all, pods)
	measure(t, pods)
	s.untilCounted(all, pods)
	t.Run("after a move", func(t *testing.T) { expectQuantiles(t, s, all[moved], pods) })
}
