package page_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The page stands still, so that nobody loses the place at which he reads, until a person asks for something else.
func TestReloadsForWhoAsks(t *testing.T) {
	t.Parallel() // it waits for the page's ten seconds
	dir := examples(t)
	p := start(t, dir)
	awaitVerdict(p, "Fresh")
	b := openTab(t)
	const verdict, reloads = ".verdict strong", "meta[http-equiv=refresh]"
	b.do(chromedp.Navigate(p.URL))
	if got := b.texts(reloads); len(got) > 0 {
		t.Error("the page reloads itself though nobody has asked for it")
	}
	b.follow(chromedp.Click(chromedp.CSS(`a[href="/?reload"]`)))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	b.follow() // nothing that a person does
	if got, want := b.texts(verdict), []string{"Failing"}; !slices.Equal(got, want) {
		t.Errorf("got %q after the page has reloaded, want %q", got, want)
	}
	b.checkRequests(p.URL+"/", p.URL+"/?reload", p.URL+"/?reload")
	b.follow(chromedp.Click(chromedp.CSS(`a[href="/"]`)))
	if got := b.texts(reloads); len(got) > 0 {
		t.Error("the page reloads itself after it was stopped")
	}
}

// On a phone the tables look like cards, and are tables all the same for those who have them read out.
func TestTablesAreTablesOnEveryScreen(t *testing.T) {
	p := faulty(t)
	awaitVerdict(p, "Fresh, with faults")
	b := openTab(t)
	b.do(chromedp.Navigate(p.URL))
	for _, v := range views {
		b.look(v)
		got := b.roles()
		// Two tables: 2 invalid Secrets and 6 targets, with four columns each.
		if want := map[string]int{"table": 2, "cell": 32}; got["table"] != want["table"] || got["cell"] != want["cell"] || got["row"] < 8 {
			t.Errorf("%s: got roles %v, want %v and 8 rows or more", v.name, got, want)
		}
	}
}

// roles counts the roles of the page's elements as assistive technology gets them.
func (b *tab) roles() map[string]int {
	b.t.Helper()
	roles := map[string]int{}
	for _, node := range call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !node.Ignored {
			var role string
			if err := json.Unmarshal(node.Role.Value, &role); err != nil {
				b.t.Fatal(err)
			}
			roles[role]++
		}
	}
	return roles
}

// The keyboard reaches every link in the order in which they stand, and shows where it is.
func TestLinksForTheKeyboard(t *testing.T) {
	p := start(t, examples(t))
	awaitVerdict(p, "Fresh")
	b := openTab(t)
	b.do(chromedp.Navigate(p.URL))
	type focus struct {
		Text  string
		Shown bool
	}
	for _, link := range b.texts("a") {
		b.do(chromedp.KeyEvent(kb.Tab))
		got := ask[focus](b, `({Text: document.activeElement.textContent, Shown: getComputedStyle(document.activeElement).outlineStyle !== "none"})`)
		if want := (focus{link, true}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
