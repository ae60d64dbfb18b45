package sync_test

import (
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// claim has a Secret of a namespace claim a name, as one that was just created: its uid is new.
func (h *harness) claim(namespace, secret, name, uid string) {
	h.t.Helper()
	entry, err := targetsfile.NewEntry(targetsfile.Target{Name: name, Type: "webhook", URL: "https://" + namespace, PayloadFormat: "webhook", Enabled: true,
		Secret: namespace + "/" + secret, SecretUID: uid})
	if err != nil {
		h.t.Fatal(err)
	}
	h.cluster.putSecret(namespace, secret, source.Secret{Entry: entry})
	h.pass(100 * time.Millisecond)
}

// TestANameStaysInItsNamespaceForAMinute: kubectl replace --force deletes a Secret before it creates it again.
func TestANameStaysInItsNamespaceForAMinute(t *testing.T) {
	const told = "another secret has taken the target's name over"
	both := func(h *harness) {
		twoNamespaces(h)
		followed(h)
	}
	cases := map[string]struct {
		then     func(h *harness) // after the holder in namespace one was deleted, beside a rival in two
		want     string           // the URL published in the end
		takeover bool
	}{
		"it is created again":           {then: func(h *harness) { h.claim("one", "a", "a", "uid-again") }, want: "https://one"},
		"another of its namespace":      {then: func(h *harness) { h.claim("one", "b", "a", "uid-b") }, want: "https://one", takeover: true},
		"nobody of its namespace comes": {then: func(*harness) {}, want: "https://two", takeover: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, both, func(h *harness) {
				h.claim("one", "a", "a", "uid-a")
				h.start()
				h.claim("two", "rival", "a", "uid-rival")
				h.pass(time.Second)
				h.cluster.delete("one", "a")
				h.pass(30 * time.Second)
				h.expectNames("")
				if s := h.GetStatus(); s.Invalid != 1 || s.Rejections[0].Secret != "two/rival" || s.Rejections[0].Reason != targetsfile.RejectDuplicate {
					t.Errorf("got %d invalid, %v; want the rival that waits", s.Invalid, s.Rejections)
				}
				c.then(h)
				h.pass(45 * time.Second)
				h.expectURL("a", c.want)
				wanted := 0
				if c.takeover {
					wanted = 1
				}
				if got := len(h.logLines(told)); got != wanted {
					t.Errorf("got %d lines about a takeover, want %d", got, wanted)
				}
				h.expectMetrics(map[string]float64{"publishing_target_takeovers_total": float64(wanted)})
			})
		})
	}
}

func TestANameGoesToTheNextOfItsNamespaceAtOnce(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.claim(testNamespace, "a", "a", "uid-a")
		h.start()
		h.claim(testNamespace, "next", "a", "uid-next")
		h.pass(time.Second)
		h.cluster.delete(testNamespace, "a")
		h.pass(100 * time.Millisecond)
		h.expectNames("a")
		h.expectMetrics(map[string]float64{"publishing_target_takeovers_total": 1})
	})
}
