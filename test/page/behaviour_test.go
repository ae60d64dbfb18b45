package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// texts returns what elements of the page say.
func texts(b *tab, selector string) []string {
	b.t.Helper()
	return ask[[]string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map((e) => e.textContent)", selector))
}

// follow does something that leads to another page, waits for that, and returns the code of the answer.
func (b *tab) follow(actions ...chromedp.Action) int64 {
	b.t.Helper()
	response, err := chromedp.RunResponse(b.ctx, actions...)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.Status
}

// The page stands still, so that nobody loses the place at which he reads, until a person asks for something else.
func TestReloadsForWhoAsks(t *testing.T) {
	dir := examples(t)
	p := start(t, dir)
	awaitVerdict(p, "Fresh")
	b := openTab(t)
	const verdict, reloads = ".verdict strong", "meta[http-equiv=refresh]"
	b.open(p.URL)
	if got := texts(b, reloads); len(got) > 0 {
		t.Error("the page reloads itself though nobody has asked for it")
	}
	b.follow(chromedp.Click(`//a[text()="reload every 10 s"]`))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	if got, want := texts(b, verdict), []string{"Fresh"}; !slices.Equal(got, want) {
		t.Errorf("got %q before the page has reloaded, want %q", got, want)
	}
	// The tab's clock, on which ten seconds pass at once.
	b.follow(emulation.SetVirtualTimePolicy(emulation.VirtualTimePolicyAdvance).WithBudget(10_100))
	if got, want := texts(b, verdict), []string{"Failing"}; !slices.Equal(got, want) {
		t.Errorf("got %q after the page has reloaded, want %q", got, want)
	}
	b.run(emulation.SetVirtualTimePolicy(emulation.VirtualTimePolicyAdvance).WithBudget(0))
	b.follow(chromedp.Click(`//a[text()="stop"]`))
	if got := texts(b, reloads); len(got) > 0 {
		t.Error("the page reloads itself after it was stopped")
	}
}

func TestTargetsAreSortedAndTheRestIsCounted(t *testing.T) {
	p := many(t)
	awaitVerdict(p, "Fresh, with faults")
	b := openTab(t)
	b.open(p.URL)
	names := texts(b, "section:last-of-type td .name")
	if len(names) != 200 || !slices.IsSorted(names) {
		t.Errorf("got %d names, sorted: %t, want 200 that are sorted", len(names), slices.IsSorted(names))
	}
	if diff := cmp.Diff([]string{"and 20 more", "and 300 more: see the list in full"}, texts(b, "table + p")); diff != "" {
		t.Errorf("what is left out (-want +got):\n%s", diff)
	}
}

// On a phone the tables look like cards, and are tables all the same for those who have them read out.
func TestTablesAreTablesOnEveryScreen(t *testing.T) {
	p := faulty(t)
	awaitVerdict(p, "Fresh, with faults")
	b := openTab(t)
	b.open(p.URL)
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
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		nodes, err := accessibility.GetFullAXTree().Do(ctx)
		for _, node := range nodes {
			if !node.Ignored {
				var role string
				if err := json.Unmarshal(node.Role.Value, &role); err != nil {
					return err
				}
				roles[role]++
			}
		}
		return err
	}))
	return roles
}

// The keyboard reaches every link in the order in which they stand, and shows where it is.
func TestLinksForTheKeyboard(t *testing.T) {
	p := start(t, examples(t))
	awaitVerdict(p, "Fresh")
	b := openTab(t)
	b.open(p.URL)
	for _, link := range texts(b, "a") {
		b.run(chromedp.KeyEvent(kb.Tab))
		type focus struct {
			Text  string
			Shown bool
		}
		got := ask[focus](b, `({Text: document.activeElement.textContent, Shown: getComputedStyle(document.activeElement).outlineStyle !== "none"})`)
		if want := (focus{link, true}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if code := b.follow(chromedp.KeyEvent(kb.Enter)); code != 200 {
		t.Errorf("got %d for the last link, want 200", code)
	}
}
