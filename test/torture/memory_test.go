package torture_test

import (
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// expectPeak checks the most memory that the process ever had, all pages counted, and has the table show it.
func expectPeak(t testing.TB, f *fault, p *sidecar.Process, limit float64) {
	t.Helper()
	peak := sidecar.Memory(t, p.PID(), "VmHWM")
	f.figure("at most %.0f MB RSS", peak)
	if peak > limit {
		f.violation("got %.0f MB RSS at the peak, want at most %.0f MB", peak, limit)
	}
}
