package main

import (
	"runtime"
	"testing"

	"github.com/prometheus/procfs"
)

// TestUnmapProgram looks at the memory of this very process. What came before has used more of the program than what comes after.
func TestUnmapProgram(t *testing.T) {
	before := mapped(t)
	unmapProgram()
	if after := mapped(t); after > before*3/4 {
		t.Errorf("%d kB of files are mapped after it, %d before: it unmapped little or nothing", after>>10, before>>10)
	}
}

// mapped returns how many bytes of files are mapped into this process and present.
func mapped(t *testing.T) uint64 {
	t.Helper()
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	status, err := self.NewStatus()
	if err != nil {
		t.Fatal(err)
	}
	return status.RssFile
}

// TestKeepSmallUsesFewCores wants the runtime limited where the operator did not say otherwise.
func TestKeepSmallUsesFewCores(t *testing.T) {
	rate := runtime.MemProfileRate
	defer func() { runtime.MemProfileRate = rate }()
	for name, c := range map[string]struct {
		variable string
		want     int
	}{
		"limited":               {"", mostProcs},
		"the operator's choice": {"8", 8},
	} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
			keepSmall(&runFlags{}, func(key string) string {
				if key == "GOMAXPROCS" {
					return c.variable
				}
				return "100" // GOGC as it is
			})
			if got := runtime.GOMAXPROCS(0); got != c.want {
				t.Errorf("got %d cores, want %d", got, c.want)
			}
		})
	}
}
