package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const refreshPath = "/api/v2/publishing/targets/refresh"

// A page of another site, which a person with the right to refresh looks at, may neither refresh nor read nor frame.
func TestAPageOfAnotherSite(t *testing.T) {
	p := start(t, examples(t), "--rate-limit", "0")
	awaitVerdict(p, "Fresh")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><iframe src="%s/"></iframe>`, p.URL)
	}))
	t.Cleanup(other.Close)
	b := openTab(t)
	b.do(chromedp.Navigate(other.URL))
	if got := strings.Join(b.takeFaults(), "\n"); !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("got %q, want a refusal to show the page in a frame", got)
	}
	for what, want := range map[string]string{
		fmt.Sprintf(`fetch("%s/")`, p.URL):                                                  "refused",
		fmt.Sprintf(`fetch("%s%s", {method: "POST"})`, p.URL, refreshPath):                  "refused",
		fmt.Sprintf(`fetch("%s/", {mode: "no-cors"})`, p.URL):                               "not shown, 0 bytes",
		fmt.Sprintf(`fetch("%s%s", {method: "POST", mode: "no-cors"})`, p.URL, refreshPath): "not shown, 0 bytes",
	} {
		const outcome = `.then(async (r) => r.type === "opaque" ? "not shown, " + (await r.arrayBuffer()).byteLength + " bytes" : "read", () => "refused")`
		if got := ask[string](b, what+outcome); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	if code := b.post(p.URL + refreshPath); code != http.StatusForbidden || !strings.Contains(b.texts("body")[0], `"error":"cross_origin"`) {
		t.Errorf("got %d %q for a form, want 403", code, b.texts("body"))
	}
	if got := p.Metric("publishing_http_requests_total", "path", refreshPath, "code", "202"); got != 0 {
		t.Errorf("got %v refreshes, want none", got)
	}
	// The same form on a page of the sidecar's own: it is the other site that was refused, not the form.
	b.do(chromedp.Navigate(p.URL + "/metrics"))
	if code := b.post(p.URL + refreshPath); code != http.StatusAccepted {
		t.Errorf("got %d %q for a form of the same origin, want 202", code, b.texts("body"))
	}
}

// post sends a form from the page that is open, and returns the code of the answer.
func (b *tab) post(url string) int64 {
	b.t.Helper()
	return b.follow(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
		const form = document.createElement("form");
		Object.assign(form, {method: "post", action: %q});
		document.body.append(form);
		form.submit();
	})()`, url)))
}

// A name of another site that suddenly means this machine reads nothing, though for the browser all is of one origin.
func TestANameOfAnotherSite(t *testing.T) {
	p := start(t, examples(t))
	awaitVerdict(p, "Fresh")
	b := openTab(t)
	code := b.follow(chromedp.Navigate(strings.Replace(p.URL, "127.0.0.1", elsewhere, 1)))
	if body := b.texts("body")[0]; code != http.StatusForbidden || !strings.Contains(body, `"error":"foreign_host"`) {
		t.Errorf("got %d %q, want 403 foreign_host", code, body)
	}
}
