package main

import (
	"runtime"
	"testing"
)

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
