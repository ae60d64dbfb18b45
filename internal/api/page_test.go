package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// pageOf renders the page for an engine, with one blank for any white space.
func pageOf(t *testing.T, h *harness) string {
	t.Helper()
	w := h.do(get("/"))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("got %d %s, want 200 and HTML", w.Code, w.Header().Get("Content-Type"))
	}
	_, body, _ := strings.Cut(w.Body.String(), "</style>") // the style is of no interest
	title, _, _ := strings.Cut(w.Body.String(), "<style>")
	return strings.Join(strings.Fields(title+body), " ")
}

func checkShows(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(page, text) {
			t.Errorf("got no %q in the page:\n%s", text, page)
		}
	}
}

// healthyStatus is a status in which all is well, at the present moment.
func healthyStatus() targetsync.RefreshStatus {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	return targetsync.RefreshStatus{
		State: targetsync.StateSuccess, LastRefresh: ago(3 * time.Minute), NextRefresh: ago(-2 * time.Hour), LastAttempt: ago(3 * time.Minute),
		LastTrigger: targetsync.TriggerPeriodic, Duration: 18 * time.Millisecond, Discovered: 2, Valid: 2, Ready: true,
		Snapshot: targetsync.SnapshotStatus{Epoch: "0f8c", Generation: 42, ChangedAt: ago(26 * time.Hour), StaleAfter: ago(-time.Second)},
		Watch:    targetsync.WatchStatus{Enabled: true, Connected: true, LastEvent: ago(49 * time.Hour)},
	}
}

func TestPageShowsTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock of a bubble begins at midnight of 2000-01-01
		h := newHarness(t)
		h.published = publication(t)
		s := healthyStatus()
		s.Namespaces = []targetsync.NamespaceStatus{{Name: "alert-history", Secrets: 15}, {Error: "forbidden"}}
		h.show(s)
		checkShows(t, pageOf(t, h),
			"<title>Fresh · publishing targets · alert-history-0</title>",
			`<time datetime="1999-12-31T23:57:00.000Z">3 minutes ago</time> <small>1999-12-31 23:57:00 UTC</small>`,
			">in 2 hours</time>", ">in 1 second</time>", "generation 42, 1 day ago", "2 valid, 0 invalid", "connected", "last event 2 days ago",
			"3 minutes ago, 18 ms <small>periodic, ", "alert-history <small>15 Secrets</small>", ">forbidden<",
			"Targets <span class=\"dim\">(2)</span>", "slack-prod", "https://hooks.slack.com", "version 4711", "enabled", "disabled", "went stale",
		)
	})
}

// TestPageReloadsForWhoAsks has the page stand still by default: who reads slowly, or has it read out, would lose the place (WCAG 2.2.1).
func TestPageReloadsForWhoAsks(t *testing.T) {
	h := newHarness(t)
	const reloads = `<meta http-equiv="refresh" content="10">`
	for path, want := range map[string]string{"/": `<a href="/?reload">reload every 10 s</a>`, "/?reload": `reloads every 10 s: <a href="/">stop</a>`} {
		page := h.do(get(path)).Body.String()
		if got := strings.Contains(page, reloads); got != (path == "/?reload") || !strings.Contains(page, want) {
			t.Errorf("%s: got reloads %t, want a link %s in\n%s", path, got, want, page)
		}
	}
}

func TestPageShowsFaults(t *testing.T) {
	h := newHarness(t)
	s := fullStatus()
	s.Invalid, s.NextRefresh = 3, time.Time{}
	s.Rejections = append(s.Rejections, targetsfile.Rejection{Secret: "a/b", Reason: "duplicate", Message: "held", Serving: "nothing"})
	h.show(s)
	checkShows(t, pageOf(t, h),
		"Last error <span class=\"dim\">(transient)</span>", "listing alert-history: &lt;nil&gt; &amp; more", "check the network",
		"alert-history/broken", "validate", "url: bad", ">last good<", ">nothing<", "and 1 more", "A refresh is running since 2026-01-02 10:30:03 UTC.",
		">one is running<", `Targets <span class="dim">(0)</span></h2> <p class="dim">None.</p>`,
	)
}

func TestPageJudges(t *testing.T) {
	tests := []struct {
		name   string
		change func(*targetsync.RefreshStatus)
		want   string
	}{
		{"all is well", func(*targetsync.RefreshStatus) {}, `<section class="verdict good"> <strong>Fresh</strong>`},
		{"nothing yet", func(s *targetsync.RefreshStatus) { *s = targetsync.RefreshStatus{State: targetsync.StateIdle} }, `<section class="verdict wait"> <strong>Starting</strong>`},
		{"first refresh failed", func(s *targetsync.RefreshStatus) { *s = targetsync.RefreshStatus{State: targetsync.StateFailed} }, `<section class="verdict bad"> <strong>No targets</strong>`},
		{"one failed", func(s *targetsync.RefreshStatus) { s.ConsecutiveFailures = 1 }, `<section class="verdict warn"> <strong>Failing</strong> <p>1 refresh in a row failed.`},
		{"some failed", func(s *targetsync.RefreshStatus) { s.ConsecutiveFailures = 3 }, `<p>3 refreshes in a row failed.`},
		{"invalid Secrets", func(s *targetsync.RefreshStatus) { s.Invalid = 2 }, `<section class="verdict warn"> <strong>Fresh, with faults</strong> <p>2 Secrets are invalid`},
		{
			"stale, which is worse than failing",
			func(s *targetsync.RefreshStatus) { s.ConsecutiveFailures, s.Snapshot.StaleAfter = 9, s.LastRefresh },
			`<section class="verdict bad"> <strong>Stale</strong>`,
		},
		{"no watch", func(s *targetsync.RefreshStatus) { s.Watch.Enabled = false }, "<dt>Watch</dt><dd>off</dd>"},
		{"watch is down", func(s *targetsync.RefreshStatus) {
			s.Watch = targetsync.WatchStatus{Enabled: true, Since: at(0), Error: "403 Forbidden"}
		}, `not connected</span> <small>since 2026-01-02 10:30:00 UTC</small> <small>403 Forbidden</small>`},
		{"at this moment", func(s *targetsync.RefreshStatus) { s.LastRefresh = time.Now().Add(time.Second / 2) }, ">just now</time>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			s := healthyStatus()
			s.Snapshot.StaleAfter = time.Now().Add(time.Minute)
			tt.change(&s)
			h.show(s)
			checkShows(t, pageOf(t, h), tt.want)
		})
	}
}

// TestPageAllowsItsStyleOnly shows that the policy names the digest of the style as it is served, and that there is no script.
func TestPageAllowsItsStyleOnly(t *testing.T) {
	w := newHarness(t).do(get("/"))
	_, style, _ := strings.Cut(w.Body.String(), "<style>")
	style, rest, _ := strings.Cut(style, "</style>")
	digest := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("got policy %q, want %q", got, want)
	}
	for _, forbidden := range []string{"<script", "style=", "<style", "<form", "javascript:"} {
		if strings.Contains(rest, forbidden) {
			t.Errorf("got %q in the page, which the policy forbids", forbidden)
		}
	}
}

func TestPageEscapesWhatPeopleWrote(t *testing.T) {
	h := newHarness(t)
	const text = `<script>alert(1)</script>`
	h.show(targetsync.RefreshStatus{
		Error: text, Hint: text, Rejections: []targetsfile.Rejection{{Secret: text, Reason: text, Message: text, Serving: text}},
	})
	h.published = published(t, targetsfile.Target{Name: `"><script>`, Type: text, URL: "http://" + text})
	if page := pageOf(t, h); strings.Contains(page, "<script") {
		t.Errorf("got a script in the page:\n%s", page)
	}
}

func TestPageIsBounded(t *testing.T) {
	h := newHarness(t)
	h.published = times(5000, publication(t))
	page := pageOf(t, h)
	if n := strings.Count(page, "https://hooks.slack.com"); n != 100 {
		t.Errorf("got %d of 5000 Slack targets, want 100", n)
	}
	checkShows(t, page, "(10000)", "and 9800 more")
}

// TestPageIsNoWayRoundTheGuard shows that the page, which is open, does not list what is protected elsewhere.
func TestPageIsNoWayRoundTheGuard(t *testing.T) {
	h := guarded(t, doorman)
	h.published = publication(t)
	page := pageOf(t, h)
	if strings.Contains(page, "slack-prod") {
		t.Errorf("got a target in the page:\n%s", page)
	}
	checkShows(t, page, "The list needs a token")
}
