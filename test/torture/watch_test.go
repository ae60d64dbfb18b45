package torture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// startFollower starts a sidecar with the default schedule, so that what it learns in the first minutes comes from its watch.
func (w *world) startFollower() *sidecar.Process {
	w.t.Helper()
	p := sidecar.Start(w.t, w.path, "--kubeconfig", w.kubeconfig(), "--rate-limit", "0")
	p.Until("publishes", func() error { return succeeded(p) })
	p.Until("follows", func() error { return following(p) })
	return p
}

func following(p *sidecar.Process) error {
	if p.Metric("publishing_watch_connected") != 1 {
		return errors.New("no watch is open")
	}
	return nil
}

// badWatch is a way in which a watch goes wrong.
type badWatch struct {
	name, made string
	answer     http.HandlerFunc
	relists    bool // a LIST has to find out what was missed
}

func stream(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeJSON)
		_, _ = io.WriteString(w, body)
	}
}

func refuse(code int, reason string) http.HandlerFunc {
	return reply{code: code, header: map[string]string{"Content-Type": typeJSON},
		body: fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reason, code)}.serve
}

func badWatches() []badWatch {
	expired := `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}`
	return []badWatch{
		{"410 at its beginning", "every watch is answered 410 Gone", refuse(410, "Expired"), true},
		{"410 in the stream", "every watch gets an ERROR event with 410", stream(expired), true},
		{"an event that is none", "every watch gets half a JSON object, then garbage", stream(`{"type":"MODIFIED","object":{"ki` + "\xff}}\n{}"), true},
		{"closed at once", "every watch ends as soon as it is open", stream(""), false},
		{"HTML", "a proxy answers every watch with a page", reply{code: 200, header: map[string]string{"Content-Type": typeHTML}, body: pageHTML}.serve, false},
		{"refused, 503", "every watch is answered 503", refuse(503, "ServiceUnavailable"), false},
		{"forbidden", "every watch is answered 403", refuse(403, "Forbidden"), false},
	}
}

// budget is how often a sidecar may ask: refreshes that watches ask for are 1, 2, 4, 8, 16 and then 30 s apart, each followed by a
// watch; other watches are opened again after 1, 2, 4, 8 and then 10 s, each up to half less. One that opens only to end is checked.
func (b badWatch) budget(outage time.Duration) asks {
	others := budget(outage, time.Second)
	if !b.relists {
		return asks{checks: others.watches, watches: others.watches}
	}
	lists := 1
	for at, gap := time.Duration(0), time.Second; at+gap <= outage; gap = min(2*gap, 30*time.Second) {
		at += gap
		lists++
	}
	return asks{lists: lists, checks: lists, watches: lists + 1}
}

func TestBadWatches(t *testing.T) {
	t.Parallel()
	all := badWatches()
	if !*full {
		all = all[1:2]
	}
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, controlplane.Get(t))
			front := newFront(t, w)
			w.webhook("a", 0)
			p := w.startFollower()
			f := begin(t, &fault{Area: "watch", Name: b.name, Made: b.made + "; the open one is cut",
				Holds: "the last snapshot stays, requests stay within the budget; afterwards changes are followed again"})
			witness := attach(t, w.path, f, "a")
			begun := time.Now()
			front.answer("watch", b.answer)
			front.CloseClientConnections()
			<-time.After(during(12*time.Second, 4*time.Second)) // the length of the outage is the test's, nothing is waited for
			asked := front.asked()
			front.answer("", nil)
			if budget := b.budget(time.Since(begun)); asked.watches == 0 || !asked.within(budget) {
				f.violation("%s, the budget is %s", asked, budget)
			}
			expectReady(f, p)
			waitFor(t, time.Minute, "changes are followed again", func() error { return following(p) })
			w.webhook("a", 1)
			expectNumber(t, p, "a", 1)
			f.run()
			witness.end()
			expectNothingTold(f, p, canaryBody)
			f.figure("%s", asked)
		})
	}
}

// TestStalledStream leaves a watch open and silent, as a proxy does that lost the server behind it.
func TestStalledStream(t *testing.T) {
	patient(t, "a watch counts as stalled after three minutes")
	w := newWorld(t, controlplane.StartPrivate(t).Plane) // others' events would push the watch's version out of a shared one's history
	front := newFront(t, w)
	w.webhook("a", 0)
	p := w.startFollower()
	f := begin(t, &fault{Area: "watch", Name: "stalled stream", Made: "a proxy keeps a watch open and passes nothing on, not even bookmarks; all other requests and pings are answered",
		Holds: "after 3 minutes of silence the watch is opened again and brings what was kept back, without a LIST; one line says so"})
	witness := attach(t, w.path, f, "a")
	front.answer("watch", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", typeProto+";stream=watch")
		rw.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
	})
	front.CloseClientConnections()
	p.Until("opens the watch that stalls", func() error {
		if front.asked().watches == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	front.answer("", nil) // the next watch is another connection, which does not hang
	begun := time.Now()
	w.webhook("a", 1)
	waitFor(t, 4*time.Minute, "the silence is found out", func() error { return hasNumber(p, "a", 1) })
	if asked := front.asked(); asked.lists > 0 || asked.checks > 1 {
		f.violation("got %s, want no LIST, and no check but the one after the cut", asked)
	}
	if got := len(p.Logs("the watch had kept changes back, they are applied now")); got != 1 {
		f.violation("got %d lines about it, want 1", got)
	}
	f.figure("%.0f s until the new state was published", time.Since(begun).Seconds())
	f.run()
	witness.end()
}

// TestMassOfEvents changes everything at once.
func TestMassOfEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	front := newFront(t, w)
	w.webhook("keep", 0)
	p := w.startFollower()
	count := times(3000, 200)
	f := begin(t, &fault{Area: "watch", Name: "a mass of events", Made: fmt.Sprintf("%d Secrets are created as fast as the API server can, updated, and deleted by one request", count),
		Holds: "all arrive without a LIST, publications keep their distance, the API server is asked nothing"})
	witness := attach(t, w.path, f, "keep")
	front.answer("", nil)
	begun := time.Now()
	w.createMany("mass", count, func(int) map[string]string { return webhook(1) })
	w.createMany("mass", count, func(int) map[string]string { return webhook(2) })
	p.Until("has them all", func() error { return hasNumber(p, fmt.Sprintf("mass-%05d", count-1), 2) })
	if d := p.Document(); len(d.Entries) != count+1 {
		f.violation("got %d targets, want %d", len(d.Entries), count+1)
	}
	w.webhook("last", 1)
	err := w.admin.CoreV1().Secrets(w.namespace).DeleteCollection(context.WithoutCancel(t.Context()), metav1.DeleteOptions{},
		metav1.ListOptions{FieldSelector: "metadata.name!=keep"})
	if err != nil {
		t.Fatal(err)
	}
	p.Until("has lost them all", func() error {
		if d := p.Document(); len(d.Entries) != 1 {
			return fmt.Errorf("%d targets", len(d.Entries))
		}
		return nil
	})
	publications, most := p.Metric("publishing_snapshot_publications_total", "result", "written"), time.Since(begun)/(20*time.Millisecond)+2
	// An API server ends a watch that it finds too slow; then it is opened again.
	if asked := front.asked(); !asked.within(asks{checks: 1, watches: 1}) || publications > float64(most) {
		f.violation("%s, %.0f publications, want no LIST, at most one check and watch, and at most %d publications", asked, publications, most)
	}
	f.run()
	witness.end()
	f.figure("%d events, %.0f publications in %.0f s; at most %.0f MB RSS with the race detector", 3*count, publications, time.Since(begun).Seconds(), sidecar.Memory(t, p.PID(), "VmHWM"))
}
