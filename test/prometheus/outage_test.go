package prometheus_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
)

func TestMain(m *testing.M) {
	controlplane.Main(m, wire.IgnoreLeaks()...)
}

// outage is what goes wrong in one pod, in a namespace of the outage's name, and the alerts that tell.
type outage struct {
	name   string
	alerts string
	pod    *pod
	begin  func(*pod)
	end    func(*pod)
}

func webhook(path string) map[string]string {
	return map[string]string{"type": "webhook", "url": "https://example.com/" + path}
}

// outages starts a pod for each thing that can go wrong, and one in which nothing does.
func outages(t *testing.T) []outage {
	shared, private := controlplane.Get(t), controlplane.StartPrivate(t)
	user := shared.User(t)
	with := func(verbs ...string) *pod { return newPod(t, shared, user, verbs...) }
	return []outage{
		{name: "well", pod: with("list", "watch"), begin: func(*pod) {}, end: func(*pod) {}},
		{name: "away", alerts: "PublishingRefreshFailing PublishingWatchDown", pod: newPod(t, private.Plane, private.User(t), "list", "watch"),
			begin: func(*pod) { must(t, private.StopAPIServer()) },
			end:   func(*pod) { must(t, private.StartAPIServer(t.Context())) }},
		{name: "forbidden", alerts: "PublishingRefreshFailingPermanently", pod: with("list", "watch"),
			begin: func(p *pod) { p.grant() },
			end:   func(p *pod) { p.grant("list", "watch") }},
		{name: "unwatched", alerts: "PublishingWatchDown", pod: with("list"),
			begin: func(*pod) {},
			end:   func(p *pod) { p.grant("list", "watch") }},
		{name: "old", alerts: "PublishingRefreshFailingPermanently PublishingSnapshotStale PublishingWatchDown", pod: with("list", "watch"),
			begin: restartOnAnOldFile,
			end:   func(p *pod) { p.grant("list", "watch") }},
		{name: "unwritable", alerts: "PublishingRefreshFailing PublishingSnapshotWriteFailing", pod: with("list", "watch"),
			begin: func(p *pod) { must(t, os.Rename(p.dir, p.dir+".away")) },
			end:   func(p *pod) { must(t, os.Rename(p.dir+".away", p.dir)) }},
		{name: "broken", alerts: "PublishingTargetsInvalid PublishingTargetsKept", pod: with("list", "watch"),
			begin: func(p *pod) { p.put(map[string]string{"type": "webhook", "url": "canary-secret-value"}) },
			end:   func(p *pod) { p.put(webhook("mended")) }},
		{name: "disabled", alerts: "PublishingNoEnabledTarget", pod: with("list", "watch"),
			begin: func(p *pod) {
				p.put(map[string]string{"type": "webhook", "url": "https://example.com", "enabled": "false"})
			},
			end: func(p *pod) { p.put(webhook("enabled")) }},
		{name: "stuck", alerts: "PublishingAppNotFollowing", pod: with("list", "watch"),
			begin: readFrozenFile,
			end:   func(p *pod) { p.app.restart(p.path()) }},
		{name: "killed", alerts: "PublishingSidecarDown", pod: with("list", "watch"),
			begin: func(p *pod) { p.sidecar.Kill() },
			end:   func(p *pod) { p.start() }},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// restartOnAnOldFile takes the right to read Secrets away while the sidecar is down for an hour.
func restartOnAnOldFile(p *pod) {
	p.sidecar.Terminate()
	p.grant()
	document := p.sidecar.Document()
	document.RefreshedAt = document.RefreshedAt.Add(-time.Hour)
	document.StaleAfter = document.StaleAfter.Add(-time.Hour)
	writeDocument(p.t, p.path(), document)
	p.start()
}

// readFrozenFile gives the app what it gets from a volume that is mounted with a subPath: the file that was there once.
func readFrozenFile(p *pod) {
	frozen := filepath.Join(p.t.TempDir(), "targets.json")
	writeDocument(p.t, frozen, p.sidecar.Document())
	p.app.restart(frozen)
	p.put(webhook("changed"))
}

func writeDocument(t *testing.T, path string, document *targetsfile.Document) {
	t.Helper()
	file, err := os.Create(path + ".new") // #nosec G304 -- a path of this test
	must(t, err)
	_, err = document.WriteTo(file)
	must(t, errors.Join(err, file.Close(), os.Rename(path+".new", path)))
}

// TestRealOutages lets everything go wrong at the same time, each in a pod of its own, looks at alerts and dashboard, mends it all, and
// takes the pods away at last.
func TestRealOutages(t *testing.T) {
	t.Parallel()
	job := ways()[0]
	s := startServer(t, often, job)
	all := outages(t)
	var targets []scrape
	var want []string
	for _, o := range all {
		targets = append(targets, o.pod.scrapes(o.name)...)
		for _, alert := range strings.Fields(o.alerts) {
			want = append(want, alert+" "+o.name)
		}
	}
	slices.Sort(want)
	s.discover(job, targets)
	s.until("all pods are scraped", func() error { return s.scraped(len(targets)) })
	for _, o := range all {
		o.begin(o.pod)
	}
	s.untilFiring(want)
	s.expectAnswers()
	for _, o := range all {
		o.end(o.pod)
	}
	s.untilFiring([]string{})
	s.expectNothingOf("well")

	s.discover(job, []scrape{})
	s.untilFiring([]string{"PublishingSidecarAbsent"})
	s.discover(job, targets)
	s.untilFiring([]string{})
}

// Rules, dashboard and README are for everybody, in whichever way Prometheus scrapes histograms.
func TestRulesAndDashboardHoweverHistogramsAreScraped(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	user := plane.User(t)
	well, broken := newPod(t, plane, user, "list", "watch"), newPod(t, plane, user, "list", "watch")
	broken.put(map[string]string{"type": "webhook", "url": "canary-secret-value"})
	for _, job := range ways() {
		t.Run(job.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, often, job)
			s.discover(job, append(well.scrapes("well"), broken.scrapes("broken")...))
			s.untilFiring([]string{"PublishingTargetsInvalid broken", "PublishingTargetsKept broken"})
			s.expectAnswers()
			s.expectNothingOf("well")
		})
	}
}

// scrapes returns the targets of a pod, in a namespace of that name, and its only pod.
func (p *pod) scrapes(namespace string) (both []scrape) {
	for job, url := range map[string]string{"alert-history/sidecar": p.sidecar.URL, "alert-history/app": p.app.url} {
		both = append(both, scrape{[]string{strings.TrimPrefix(url, "http://")},
			map[string]string{"job": job, "namespace": namespace, "pod": namespace + "-0"}})
	}
	return both
}

func (s *server) scraped(count int) error {
	up, err := s.query("sum(up)")
	if err == nil && (len(up) != 1 || int(up[0].Value) != count) {
		err = errors.New("up: " + up.String())
	}
	return err
}

// untilFiring waits until exactly these alerts fire.
func (s *server) untilFiring(want []string) {
	s.t.Helper()
	s.until("the right alerts fire", func() error {
		got, _ := s.firing()
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New("(-want +got):\n" + diff)
		}
		return nil
	})
}

// expectNothingOf fails if an alert about the namespace has fired at any time.
func (s *server) expectNothingOf(namespace string) {
	s.t.Helper()
	fired, err := s.query(`count by (alertname) (count_over_time(ALERTS{alertstate="firing", namespace="` + namespace + `"}[1h]))`)
	if err != nil || len(fired) > 0 {
		s.t.Errorf("got %v, %v about a pod in which nothing is wrong", fired, err)
	}
}

// expectReadable looks at alerts as their reader gets them.
func expectReadable(t *testing.T, alerts []v1.Alert) {
	t.Helper()
	for _, a := range alerts {
		text := string(a.Annotations["summary"] + " " + a.Annotations["description"])
		if strings.ContainsAny(text, "{}<>") || strings.Contains(text, "  ") || strings.Contains(text, "canary-secret-value") {
			t.Errorf("%s says %q", a.Labels["alertname"], text)
		}
		if namespace := string(a.Labels["namespace"]); !strings.Contains(text, namespace) {
			t.Errorf("%s does not name its namespace %s: %q", a.Labels["alertname"], namespace, text)
		}
	}
}

// expectAnswers fails if anything that people ask Prometheus has no answer: rules, dashboard, README and runbooks.
func (s *server) expectAnswers() {
	s.t.Helper()
	s.expectHealthyRules()
	_, firing := s.firing()
	expectReadable(s.t, firing)
	for _, q := range append(queries(s.t), manual(s.t)...) {
		s.until(q.where+" returns numbers", func() error {
			result, err := s.query(q.everywhere())
			isNumber := func(sample *model.Sample) bool { return !math.IsNaN(float64(sample.Value)) }
			if err == nil && !slices.ContainsFunc(result, isNumber) {
				err = fmt.Errorf("got %d samples, none of them a number: %s", len(result), q.everywhere())
			}
			return err
		})
	}
	s.expectMetricsOfRunbooks()
}

// expectMetricsOfRunbooks looks for every metric that a runbook tells to look at.
func (s *server) expectMetricsOfRunbooks() {
	s.t.Helper()
	names := regexp.MustCompile("`((?:publishing|targetsfile)_[a-z_]+)[`{]").FindAllStringSubmatch(string(read(s.t, runbooksFile)), -1)
	if len(names) == 0 {
		s.t.Error("no runbook names a metric")
	}
	s.until("there are samples of what runbooks name", func() error {
		var errs []error
		for _, name := range names {
			result, err := s.query(name[1])
			if err == nil && len(result) == 0 {
				err = errors.New("there is none of " + name[1])
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}
