package api_test

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// publication is a snapshot of two targets.
func publication(tb testing.TB) *targetsync.Published {
	tb.Helper()
	return published(tb,
		targetsfile.Target{
			Name: "pager", Type: "pagerduty", PayloadFormat: "pagerduty", URL: "https://events.pagerduty.com/canary",
			Secret: "alert-history/pager", StaleSince: at(12),
		},
		targetsfile.Target{
			Name: "slack-prod", Type: "slack", PayloadFormat: "slack", Enabled: true, URL: "https://hooks.slack.com/services/canary",
			Headers: map[string]string{"X-Team": "canary", "Authorization": "canary"}, Secret: "alert-history/slack-prod",
		},
	)
}

// published is a snapshot of targets; the version of the Secret of each but the first is known.
func published(tb testing.TB, targets ...targetsfile.Target) *targetsync.Published {
	tb.Helper()
	p := &targetsync.Published{Document: &targetsfile.Document{Epoch: "0f8c", Generation: 42, ChangedAt: at(7)}}
	for i, target := range targets {
		entry, err := targetsfile.NewEntry(target)
		if err != nil {
			tb.Fatal(err)
		}
		version := ""
		if i > 0 {
			version = fmt.Sprint(4710 + i)
		}
		p.Document.Entries, p.Versions = append(p.Document.Entries, entry), append(p.Versions, version)
	}
	return p
}

// times repeats a snapshot's targets.
func times(n int, p *targetsync.Published) *targetsync.Published {
	p.Document.Entries, p.Versions = slices.Repeat(p.Document.Entries, n), slices.Repeat(p.Versions, n)
	return p
}

const (
	publishedHead = `{"epoch":"0f8c","generation":42,"changed_at":"2026-01-02T10:30:07.005Z",`
	pagerJSON     = `{"name":"pager","type":"pagerduty","format":"pagerduty","enabled":false,"host":"https://events.pagerduty.com",` +
		`"header_names":[],"secret":"alert-history/pager","resource_version":null,"stale_since":"2026-01-02T10:30:12.005Z"}`
	slackJSON = `{"name":"slack-prod","type":"slack","format":"slack","enabled":true,"host":"https://hooks.slack.com",` +
		`"header_names":["Authorization","X-Team"],"secret":"alert-history/slack-prod","resource_version":"4711","stale_since":null}`
	instanceTail = `"instance":"alert-history-0"}`
)

func TestTargetsAnswers(t *testing.T) {
	published := func(e *fakeEngine) { e.published = publication(t) }
	refused := func(message string) string {
		return fmt.Sprintf(`{"error":"invalid_query","message":%q,"request_id":"req-1","instance":"alert-history-0"}`, message)
	}
	const types = "type must be one of pagerduty, rootly, slack, webhook"
	checkAnswers(t, []answerCase{
		{
			name: "all", engine: published, request: get(targetsPath), code: 200,
			body: publishedHead + `"count":2,"targets":[` + pagerJSON + `,` + slackJSON + `],` + instanceTail,
		},
		{
			name: "those of a type", engine: published, request: get(targetsPath + "?type=slack"), code: 200,
			body: publishedHead + `"count":1,"targets":[` + slackJSON + `],` + instanceTail,
		},
		{
			name: "none of a type", engine: published, request: get(targetsPath + "?type=rootly"), code: 200,
			body: publishedHead + `"count":0,"targets":[],` + instanceTail,
		},
		{
			name: "before the first publication", request: get(targetsPath), code: 200,
			body: `{"epoch":null,"generation":0,"changed_at":null,"count":0,"targets":[],` + instanceTail,
		},
		{name: "unknown type", request: get(targetsPath + "?type=email"), code: 400, body: refused(types)},
		{name: "no type", request: get(targetsPath + "?type="), code: 400, body: refused(types)},
		{
			name: "another parameter", request: get(targetsPath + "?name=x"), code: 400,
			body: refused("Unknown query parameter: this call takes only type"),
		},
		{
			name: "two types", request: get(targetsPath + "?type=slack&type=rootly"), code: 400,
			body: refused("The parameter type is given more than once"),
		},
		{
			name: "wrong method", request: mustRequest(http.MethodDelete, targetsPath), code: 405,
			headers: map[string]string{"Allow": "GET, HEAD"},
			body:    `{"error":"method_not_allowed","message":"This path takes GET, HEAD","request_id":"req-1","instance":"alert-history-0"}`,
		},
	})
}

// BenchmarkTargets lists as many targets as the largest measured cluster has.
func BenchmarkTargets(b *testing.B) {
	h := newHarness(b)
	h.published = times(5000, publication(b))
	w := &discard{header: http.Header{}}
	r := get(targetsPath)
	b.ReportAllocs()
	for b.Loop() {
		h.handler.ServeHTTP(w, r)
	}
	if !strings.HasPrefix(fmt.Sprint(w.code), "2") {
		b.Errorf("got code %d, want 200", w.code)
	}
}

// TestAnswersAboutAPublicationAreEncodedOnce asks again and again, also after a publication of the same targets with other versions.
func TestAnswersAboutAPublicationAreEncodedOnce(t *testing.T) {
	h := newHarness(t)
	h.published = times(1000, publication(t))
	body := func(query string) string { return h.do(get(targetsPath + query)).Body.String() }
	all, slack := body(""), body("?type=slack")
	if strings.Count(all, pagerJSON) != 1000 || strings.Contains(slack, pagerJSON) {
		t.Fatalf("got %.300s, want all targets, and %.300s, want those of Slack", all, slack)
	}
	w := &discard{header: http.Header{}}
	requests := []*http.Request{get(targetsPath), get(targetsPath + "?type=slack")}
	allocated := testing.AllocsPerRun(10, func() {
		for _, r := range requests {
			clear(w.header)
			h.handler.ServeHTTP(w, r)
		}
	})
	if allocated > 100 {
		t.Errorf("got %v allocations for two answers about 2000 targets, want those of the headers only", allocated)
	}
	before := h.published
	h.published = &targetsync.Published{Document: before.Document, Versions: slices.Clone(before.Versions)}
	h.published.Versions[1] = "4712"
	if got := body(""); got == all || !strings.Contains(got, `"resource_version":"4712"`) {
		t.Errorf("got %.500s, want the new version", got)
	}
}

// TestCachedAnswersKeepNoPublication lets go of a publication that was asked about.
func TestCachedAnswersKeepNoPublication(t *testing.T) {
	h := newHarness(t)
	h.published = publication(t)
	gone := make(chan struct{})
	runtime.AddCleanup(h.published.Document, func(c chan struct{}) { close(c) }, gone)
	h.do(get(targetsPath))
	h.published = nil
	defer runtime.KeepAlive(h)
	for {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-t.Context().Done():
			t.Fatal("the publication is kept")
		default:
		}
	}
}
