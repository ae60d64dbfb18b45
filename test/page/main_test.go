// Package page_test looks at the status page in a real browser, as the real program serves it: Debian's Chromium through its DevTools protocol,
// with axe-core for what people with assistive technology meet. What Chromium or npm is missing for is skipped, aloud.
package page_test

import (
	"flag"
	"os"
	"testing"
)

var write = flag.Bool("write", false, "write the picture "+pictureFile)

// pictureFile is the page as the documents show it.
const pictureFile = "../../docs/status-page.png"

func TestMain(m *testing.M) {
	if err := os.Setenv("POD_NAME", "alert-history-0"); err != nil { // as the page names the sidecar
		panic(err)
	}
	code := m.Run()
	closeBrowser()
	os.Exit(code)
}
