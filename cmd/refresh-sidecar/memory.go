package main

import (
	"runtime"
	"runtime/debug"
)

// gcPercent makes the collector run at half the usual growth of the heap. A LIST makes much garbage in a short time and the process is
// idle for the rest: BenchmarkFootprint shows a fifth less anonymous memory at 10 000 Secrets for it.
const gcPercent = 50

// keepSmall sets the runtime for a process that shares its pod's memory limit. The variable GOGC wins. With it goes debug.FreeOSMemory
// after each refresh, which gives back what the LIST took. Without --pprof-address nobody can ask for a memory profile, so none is kept.
func keepSmall(flags *runFlags, getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if flags.PprofAddress == "" {
		runtime.MemProfileRate = 0
	}
}
