package api

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// maxPageTargets is how many targets the page lists: it is for people, who ask the API about more.
const maxPageTargets = 200

// pageSource is the page's template. It holds all of the page's style and no script.
//
//go:embed page.html
var pageSource string

// page renders the status for people.
type page struct {
	template func() *template.Template // parsed when somebody first looks: most sidecars never show it
	policy   string                    // Content-Security-Policy that allows the page's own style and nothing else
}

func newPage() page {
	// Template and policy come from the embedded source, so a fault in either shows in the first test.
	_, style, _ := strings.Cut(pageSource, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	digest := sha256.Sum256([]byte(style))
	return page{
		template: sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageSource)) }),
		policy: fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			base64.StdEncoding.EncodeToString(digest[:])),
	}
}

// pageView is what the template shows.
type pageView struct {
	statusDocument
	Verdict verdict
	Reloads bool // the page reloads itself every 10 s

	Now, Last, Next, Attempt, Running, Changed, StaleAfter, WatchSince, LastEvent moment

	Targets       []publicTarget
	TargetsHidden bool // the list of targets is protected, and the page is not
	MoreTargets   int  // published targets that the page does not list
	MoreInvalid   int  // invalid Secrets that the page does not list
	PublishedLen  int
}

// Kept returns the moment since when a target is kept.
func (v pageView) Kept(t publicTarget) moment { return moment{t.StaleSince.Time, v.Now.at} }

// reloads reports whether a person has asked for a page that reloads itself. By default it stands still: a reload takes the place away from
// who reads slowly or has the page read out (WCAG 2.2.1).
func reloads(r *http.Request) bool { return r.URL.Query().Has("reload") }

// statusPage answers the status as a page.
func (h *Handler) statusPage(x *exchange) {
	kind := fmt.Sprintf("page, reloads: %t", reloads(x.request))
	x.sendMade(h.rounds.answer(kind, http.HandlerFunc(h.renderPage), x.request))
}

func (h *Handler) renderPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", h.page.policy)
	view := h.pageView(time.Now())
	view.Reloads = reloads(r)
	if err := h.page.template().Execute(w, view); err != nil {
		panic(fmt.Errorf("rendering the page: %w", err)) // only the template can be at fault
	}
}

func (h *Handler) pageView(now time.Time) pageView {
	s := h.describe(h.config.Engine.GetStatus())
	since := func(t timestamp) moment { return moment{t.Time, now} }
	v := pageView{
		statusDocument: s, Verdict: judge(s, now),
		Now: moment{now, now}, Last: since(s.LastRefresh), Next: since(s.NextRefresh), Attempt: since(s.LastAttempt),
		Running: since(s.InProgressSince), Changed: since(s.Snapshot.ChangedAt), StaleAfter: since(s.Snapshot.StaleAfter),
		WatchSince: since(s.Watch.Since), LastEvent: since(s.Watch.LastEvent),
		TargetsHidden: h.config.Authorizer != nil,
	}
	v.MoreInvalid = max(0, s.TargetsInvalid-len(s.Invalid))
	if published := h.config.Engine.Published(); published != nil && !v.TargetsHidden {
		all := published.Document.Entries
		for i, entry := range all[:min(len(all), maxPageTargets)] {
			v.Targets = append(v.Targets, newPublicTarget(&entry.Target, published.Versions[i]))
		}
		v.PublishedLen, v.MoreTargets = len(all), len(all)-len(v.Targets)
	}
	return v
}

// verdict is the state in one word and one sentence, the first that a person reads.
type verdict struct {
	Class string // of style: good, wait, warn or bad
	Word  string
	Text  string
}

// judge returns the worst that is true of the status.
func judge(s statusDocument, now time.Time) verdict {
	switch stale := s.Snapshot.StaleAfter; {
	case s.Snapshot.Generation == 0 && s.State == targetsync.StateFailed:
		return verdict{"bad", "No targets", "The first refresh failed and nothing is published yet. It is tried again."}
	case s.Snapshot.Generation == 0:
		return verdict{"wait", "Starting", "Nothing is published yet."}
	case !stale.IsZero() && now.After(stale.Time):
		return verdict{"bad", "Stale", "No refresh has succeeded for too long. The last good targets are still served."}
	case s.ConsecutiveFailures > 0:
		return verdict{"warn", "Failing", fmt.Sprintf("%s. The last good targets are still served.", counted(s.ConsecutiveFailures, "refresh in a row failed", "refreshes in a row failed"))}
	case s.TargetsInvalid > 0:
		return verdict{"warn", "Fresh, with faults", counted(s.TargetsInvalid, "Secret is", "Secrets are") + " invalid: see below."}
	default:
		return verdict{"good", "Fresh", "What is published is what the Secrets hold."}
	}
}

// counted returns the number with the phrase that suits it.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// moment is a time as people read it, seen from now.
type moment struct{ at, now time.Time }

// Never reports whether there is no such time.
func (m moment) Never() bool { return m.at.IsZero() }

// UTC is the time in full.
func (m moment) UTC() string { return m.at.UTC().Format("2006-01-02 15:04:05 UTC") }

// Machine is the time for programs.
func (m moment) Machine() string { return m.at.UTC().Format(timeFormat) }

// Relative is the distance from now, in the largest unit of which there is at least one: 3 minutes ago, in 2 hours.
func (m moment) Relative() string {
	distance := m.now.Sub(m.at)
	format := "%s ago"
	if distance < 0 {
		distance, format = -distance, "in %s"
	}
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	for _, u := range units {
		if n := int(distance / u.length); n > 0 {
			return fmt.Sprintf(format, counted(n, u.name, u.name+"s"))
		}
	}
	return "just now"
}
