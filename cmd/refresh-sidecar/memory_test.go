package main

import (
	"runtime"
	"slices"
	"strings"
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

func TestCleanMappings(t *testing.T) {
	const smaps = `00400000-00e8f000 r-xp 00000000 fe:00 9986544                            /refresh-sidecar
Size:              10812 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
00e8f000-019e0000 r--p 00a8f000 fe:00 9986544                            /refresh-sidecar
Anonymous:             0 kB
019e0000-019e2000 r--p 015e0000 fe:00 9986544                            /refresh-sidecar
Anonymous:             8 kB
019e2000-01a6f000 rw-p 015e2000 fe:00 9986544                            /refresh-sidecar
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 1                          /lib/refresh-sidecar
Anonymous:             0 kB
7ffd1c039000-7ffd1c05a000 rw-p 00000000 00:00 0                          [stack]
Anonymous:            20 kB
`
	want := []mapping{{0x400000, 0xe8f000}, {0xe8f000, 0x19e0000}}
	if got := cleanMappings(strings.NewReader(smaps), "/refresh-sidecar"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
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
