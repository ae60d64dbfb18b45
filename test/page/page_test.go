package page_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

// view is a way to look at the page.
type view struct {
	name   string
	width  int64 // in CSS pixels
	phone  bool
	media  string // screen or print
	scheme string // the colours that the person prefers: light or dark
}

var views = []view{
	{"wide, light", 1280, false, "screen", "light"},
	{"wide, dark", 1280, false, "screen", "dark"},
	{"a phone, light", 375, true, "screen", "light"},
	{"a small phone, dark", 320, true, "screen", "dark"},
	{"printed", 794, false, "print", "light"}, // A4 at 96 dpi
}

// look sets the window and the person's preferences.
func (b *tab) look(v view) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: v.width, Height: 800, DeviceScaleFactor: 1, Mobile: v.phone})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: v.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}},
	})
}

// axe returns axe-core as a script.
func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(tool.NPM(t, "axe-core@4.14.1"), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// findings are what axe-core says of a page.
type findings struct {
	Violations, Undecided []string
	Contrast              int // elements with enough of it
}

// judge has axe-core look at the page. DevTools bring it in, so the page's policy need not allow a script.
func (b *tab) judge(axe string) findings {
	b.t.Helper()
	if !ask[bool](b, `"axe" in globalThis`) {
		b.do(chromedp.Evaluate[chromedp.Void](axe))
	}
	return ask[findings](b, read(b.t, "testdata/axe.js"))
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// In every state and for everybody the page shows all that it holds, with enough contrast and the right roles, and asks for nothing else.
func TestEverybodyCanReadThePage(t *testing.T) {
	t.Parallel()
	script, layout := axe(t), read(t, "testdata/layout.js")
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) {
			p := s.start(t)
			awaitVerdict(p, s.verdict)
			b := openTab(t)
			b.do(chromedp.Navigate(p.URL))
			for _, v := range views {
				b.look(v)
				if got := ask[int64](b, "document.documentElement.clientWidth"); got != v.width {
					t.Errorf("%s: the page is laid out for %d px, want %d", v.name, got, v.width)
				}
				for _, fault := range ask[[]string](b, layout) {
					t.Errorf("%s: %s", v.name, fault)
				}
				if v.media == "print" {
					continue // axe-core judges what is on a screen
				}
				found := b.judge(script)
				for _, fault := range slices.Concat(found.Violations, found.Undecided) {
					t.Errorf("%s: %s", v.name, fault)
				}
				if found.Contrast == 0 {
					t.Errorf("%s: the contrast of nothing was judged", v.name)
				}
			}
			if s.check != nil {
				s.check(b)
			}
			if s.picture && *write {
				b.picture()
			}
			for _, fault := range b.takeFaults() {
				t.Error(fault)
			}
			b.checkRequests(p.URL + "/")
		})
	}
}

// checkRequests fails if the tab has asked for anything but these URLs.
func (b *tab) checkRequests(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.requests, want) {
		b.t.Errorf("got requests %q, want %q", b.requests, want)
	}
}

// picture writes the page as the documents show it.
func (b *tab) picture() {
	b.t.Helper()
	b.look(view{width: 900, media: "screen", scheme: "light"})
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(pictureFile, png, 0o644) // #nosec G306 -- a document
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
