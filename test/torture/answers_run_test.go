package torture_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

func testReply(t *testing.T, r reply) {
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	w.webhook("b", 0)
	front := newFront(t, w)
	f := begin(t, &fault{Area: "answers", Name: r.name, Made: "a proxy answers every request for the API server",
		Holds: "the last snapshot stays and is ready, nothing of the answer is told, requests stay within the budget; afterwards the new state is published"})
	p := w.start("--refresh-interval", answerInterval.String())
	witness := attach(t, w.path, f, "a", "b")
	most := 0
	for i := range times(2, 1) {
		outage := r.outage(t, p, front, func() { w.webhook("a", i+1) })
		asked := front.asked()
		front.answer("", nil)
		if budget := budget(outage, r.wait()); !asked.within(budget) {
			f.violation("%s in %s, the budget is %s", asked, outage, budget)
		}
		most = max(most, asked.total())
		expectNumber(t, p, "a", i+1)
		p.Until("is well again", func() error { return succeeded(p) })
		f.run()
	}
	witness.end()
	expectNothingTold(f, p, canaryBody)
	f.figure("at most %d requests", most)
}

// outage lets the wrong answers last until the sidecar has met them at least twice, and for a full interval.
func (r reply) outage(t *testing.T, p *sidecar.Process, front *front, change func()) time.Duration {
	t.Helper()
	begun := time.Now()
	front.answer("", r.serve)
	front.CloseClientConnections() // so that the watch is opened again, through the proxy
	change()
	p.Until("fails", func() error { return failed(p, times(2, 1)) })
	s := p.Status()
	if want := map[bool]string{true: "permanent", false: "transient"}[r.permanent]; s.ErrorClass != want || s.Hint == "" {
		t.Errorf("got class %q, error %q, hint %q; want %s", s.ErrorClass, s.Error, s.Hint, want)
	}
	if code, body := p.Do(http.MethodGet, "/readyz"); code != http.StatusOK {
		t.Errorf("readyz answers %d: %s", code, body)
	}
	if left := during(2*answerInterval, time.Second) - time.Since(begun); left > 0 {
		<-time.After(left) // the length of the outage is the test's, nothing is waited for
	}
	return time.Since(begun)
}

// expectNothingTold looks for a text in everything that the sidecar says.
func expectNothingTold(f *fault, p *sidecar.Process, text string) {
	f.t.Helper()
	for _, path := range []string{"/", "/metrics", "/openapi.yaml", "/healthz", "/readyz", "/api/v2/publishing/targets", "/api/v2/publishing/targets/status"} {
		if _, body := p.Do(http.MethodGet, path); strings.Contains(body, text) {
			f.violation("%s tells %q", path, text)
		}
	}
	for _, line := range p.Logs("") {
		data, err := json.Marshal(line)
		if err != nil {
			f.t.Fatal(err)
		}
		if strings.Contains(string(data), text) {
			f.violation("the log tells %q: %s", text, data)
		}
	}
}
