package page_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

// patience bounds every wait for the browser. It is generous, because it is only used up when something is broken.
const patience = 30 * time.Second

// elsewhere is the name of another site, which the browser finds on this machine.
const elsewhere = "elsewhere.example"

// browser is the Chromium that all tests share: to start one takes longer than most of them.
var browser struct {
	ctx  context.Context // the first tab, which stays empty; nil before the browser has started
	stop func()
}

// startBrowser returns the context in which tabs are opened. Without Chromium the test is skipped.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if browser.ctx != nil {
		return browser.ctx
	}
	path := tool.Find(t, "chromium", "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		// No name but one means anything, so that nothing leaves this machine.
		chromedp.Flag("host-resolver-rules", "MAP "+elsewhere+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox is for ordinary users only
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Run(ctx); err != nil {
		cancel()
		end()
		t.Skipf("skipped: %s does not start: %v", path, err)
	}
	browser.ctx = ctx
	browser.stop = func() {
		_ = chromedp.Cancel(ctx) // asks the browser to end, and waits
		end()
	}
	return ctx
}

func closeBrowser() {
	if browser.stop != nil {
		browser.stop()
	}
}

// tab is one tab of the browser, and what went wrong in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	faults   []string
	requests []string // the URLs
	settled  chan struct{}
}

// openTab opens an empty tab, which is closed when the test ends.
func openTab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(startBrowser(t))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, settled: make(chan struct{}, 1)}
	chromedp.ListenTarget(ctx, b.hear)
	b.run()
	return b
}

// settledMark is what a tab says to itself to learn that it has heard all that came before.
const settledMark = "all was heard"

// hear notes what a person would find in the browser's console, and each request.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := func(format string, args ...any) { b.faults = append(b.faults, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var said []string
		for _, arg := range e.Args {
			said = append(said, string(arg.Value))
		}
		if text := strings.Join(said, " "); text == fmt.Sprintf("%q", settledMark) {
			b.settled <- struct{}{}
		} else {
			note("console.%s: %s", e.Type, text)
		}
	case *runtime.EventExceptionThrown:
		note("exception: %v", e.ExceptionDetails)
	case *log.EventEntryAdded:
		note("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			note("%d for %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFailed:
		note("%s failed: %s %s", e.Type, e.ErrorText, e.BlockedReason)
	}
}

// takeFaults returns what went wrong since the last call.
func (b *tab) takeFaults() []string {
	b.t.Helper()
	b.run(chromedp.Evaluate(fmt.Sprintf("console.debug(%q)", settledMark), nil))
	select {
	case <-b.settled:
	case <-b.ctx.Done():
		b.t.Fatal("the tab does not say that it has heard all: ", b.ctx.Err())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	faults := b.faults
	b.faults = nil
	return faults
}

// run does these things in turn.
func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a page and waits until it is loaded.
func (b *tab) open(url string) {
	b.t.Helper()
	b.run(chromedp.Navigate(url))
}

// ask runs a JavaScript expression, whatever the page's policy is, and decodes its value. A promise is waited for.
func ask[T any](b *tab, expression string) (value T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &value, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return value
}

// until waits until a JavaScript expression is true, also while the tab goes from page to page.
func (b *tab) until(expression string) {
	b.t.Helper()
	b.run(chromedp.Poll(expression, nil, chromedp.WithPollingInterval(5*time.Millisecond), chromedp.WithPollingTimeout(0)))
}
