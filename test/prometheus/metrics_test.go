package prometheus_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// series returns the names and labels of the sidecar's own metrics, after holding the whole page to promlint.
func series(t *testing.T, p *pod) (names []string) {
	t.Helper()
	_, page := p.sidecar.Do(http.MethodGet, "/metrics")
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: got %v, %v, want no problems", problems, err)
	}
	for _, match := range regexp.MustCompile(`(?m)^((?:publishing|refresh_sidecar)_\S+(?: \S+)*) \S+$`).FindAllStringSubmatch(page, -1) {
		names = append(names, match[1])
	}
	return names
}

// A series that appears with its first count hides that count from rate(), and one per Secret, target or caller would be without bound.
func TestNoSeriesAppearsLater(t *testing.T) {
	plane := controlplane.Get(t)
	p := newPod(t, plane, plane.User(t), "list", "watch")
	start := series(t, p)

	p.put(map[string]string{"type": "webhook", "url": "canary-secret-value"})
	p.sidecar.Until("rejects", func() error { return p.counts(`publishing_targets_invalid{reason="validate"}`, 1) })
	p.grant()
	p.sidecar.Until("fails", func() error { return p.counts(`publishing_refresh_failing{class="permanent"}`, 1) })
	p.call("POST /api/v2/publishing/targets/refresh", "POST /api/v2/publishing/targets/refresh", "GET /readyz", "GET /healthz",
		"GET /", "GET /openapi.yaml", "GET /api/v2/publishing/targets", "GET /api/v2/publishing/targets?type=none", "GET /api/v2/publishing/targets/status")
	if diff := cmp.Diff(start, series(t, p)); diff != "" {
		t.Errorf("series at the start and later (-start +later):\n%s", diff)
	}
	const most = 300
	if len(start) > most {
		t.Errorf("got %d series, want at most %d", len(start), most)
	}

	p.call("GET /nowhere", "GET /elsewhere", "DELETE /healthz", "BREW /coffee", "STEEP /tea") // leave three counters and no histogram
	if got, want := len(series(t, p)), len(start)+3; got != want {
		t.Errorf("got %d series after calls that nobody takes, want %d", got, want)
	}
}

// call makes requests, whatever the answers are.
func (p *pod) call(calls ...string) {
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		p.sidecar.Do(method, path)
	}
}

// counts is nil when a series has a value.
func (p *pod) counts(series string, value int) error {
	_, page := p.sidecar.Do(http.MethodGet, "/metrics")
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` .*$`).FindString(page)
	if want := fmt.Sprintf("%s %d", series, value); line != want {
		return fmt.Errorf("got %q, want %q", line, want)
	}
	return nil
}
