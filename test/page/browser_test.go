package page_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

// patience bounds every wait for the browser. It is generous, because it is only used up when something is broken.
const patience = 2 * time.Minute

// elsewhere is the name of another site, which the browser finds on this machine.
const elsewhere = "elsewhere.example"

// browser is the Chromium that all tests share: to start one takes longer than most of them.
var browser struct {
	once sync.Once
	ctx  context.Context // opens tabs
	stop func()
	err  error // why it did not start
}

// startBrowser returns the context in which tabs are opened. Without Chromium the test is skipped.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := tool.Find(t, "chromium", "chromium")
	browser.once.Do(func() {
		allocator, end := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
			// No name but one means anything, so that nothing leaves this machine.
			chromedp.Flag("host-resolver-rules", "MAP "+elsewhere+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))...)
		browser.ctx, _ = chromedp.NewContext(allocator)
		browser.stop = func() {
			_ = chromedp.Cancel(browser.ctx) // asks the browser to end, and waits
			end()
		}
		browser.err = chromedp.Do(browser.ctx)
	})
	if browser.err != nil {
		t.Skipf("skipped: %s does not start: %v", path, browser.err)
	}
	return browser.ctx
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
}

// openTab opens an empty tab, which is closed when the test ends.
func openTab(t *testing.T) *tab {
	t.Helper()
	b := &tab{t: t}
	parent, cancel := context.WithTimeout(startBrowser(t), patience)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(parent, chromedp.WithListener(b.hear))
	t.Cleanup(cancel)
	b.do()
	return b
}

// hear notes what a person would find in the browser's console, and each request.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := func(format string, args ...any) { b.faults = append(b.faults, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			note("console.%s: %s", e.Type, arg.Value)
		}
	case *runtime.EventExceptionThrown:
		note("%s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
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
	ask[int](b, "0") // what the tab said before its answer was heard before it
	b.mu.Lock()
	defer b.mu.Unlock()
	faults := b.faults
	b.faults = nil
	return faults
}

// do does these things in turn.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// ask runs a JavaScript expression, whatever the page's policy is, and decodes its value. A promise is waited for.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// follow does something that leads to another page, waits until that is loaded, and returns the code of the answer.
func (b *tab) follow(actions ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	response, err := chromedp.RunResponse(b.ctx, actions...)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.Status
}

// texts returns what elements of the page say.
func (b *tab) texts(selector string) []string {
	b.t.Helper()
	return ask[[]string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map((e) => e.textContent)", selector))
}
