package torture_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// megabytes returns a field of /proc/PID/status.
func megabytes(t testing.TB, p *sidecar.Process, field string) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			var kilobytes float64
			if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
				t.Fatal(err)
			}
			return kilobytes * 1024 / 1e6
		}
	}
	t.Fatalf("no %s in /proc/%d/status", field, p.PID())
	return 0
}

// metric returns the value of a metric that has no labels, or those in its name.
func metric(t testing.TB, p *sidecar.Process, name string) float64 {
	t.Helper()
	_, body := p.Do("GET", "/metrics")
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var value float64
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// expectPeak checks the most memory that the process ever had, all pages counted, and has the table show it.
func expectPeak(t testing.TB, f *fault, p *sidecar.Process, limit float64) {
	t.Helper()
	peak := megabytes(t, p, "VmHWM")
	f.figure("at most %.0f MB RSS", peak)
	if peak > limit {
		f.violation("got %.0f MB RSS at the peak, want at most %.0f MB", peak, limit)
	}
}
