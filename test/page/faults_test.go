package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// badPage has one of each fault that the tests of the page look for.
const badPage = `<!doctype html><title>Bad</title>
<style>body { color: #bbb; background: #fff; } .clipped { width: 5rem; overflow: hidden; white-space: nowrap; } .table td { width: 2rem; }</style>
<p class="clipped">more than there is room for</p>
<p style="width: 200vw">wide</p>
<section style="width: 3rem">aVeryLongWordWithoutAPlaceToBreakIt</section>
<img src="/missing.png">
<script>console.log("said"); nowhere();</script>`

// TestFaultsAreFound shows that a fault of the page would fail its tests.
func TestFaultsAreFound(t *testing.T) {
	script := axe(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, badPage)
		case "/strict":
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, badPage)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	b := openTab(t)
	b.look(views[0])
	b.do(chromedp.Navigate(server.URL))
	found := b.judge(script)
	got := strings.Join(append(append(ask[[]string](b, read(t, "testdata/layout.js")), found.Violations...), b.takeFaults()...), "\n")
	b.do(chromedp.Navigate(server.URL + "/strict"))
	got += "\n" + strings.Join(b.takeFaults(), "\n")
	for _, want := range []string{
		"the document is 2568 px wide", "p.clipped hides a part of its content", "section leaves its box: aVeryLongWord",
		"color-contrast (serious): ", "image-alt (critical): img", "404 for " + server.URL + "/missing.png", "console.log: \"said\"", "nowhere is not defined",
		"violates the following Content Security Policy directive",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in\n%s", want, got)
		}
	}
}
