package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// gcPercent makes the collector run at half the usual growth of the heap. A LIST makes much garbage in a short time and the process
	// is idle for the rest: BenchmarkFootprint shows a fifth less anonymous memory at 10 000 Secrets for it.
	gcPercent = 50
	// mostProcs is on how many cores Go code runs at once. The runtime keeps caches for each core of the node that it may use: on 64 they
	// are 3 MB of anonymous memory, for a process that rarely has two things to do.
	mostProcs = 2
)

// keepSmall sets the runtime for a process that shares its pod's memory limit. The variables GOGC and GOMAXPROCS win. Without
// --pprof-address nobody can ask for a memory profile, so none is kept.
func keepSmall(flags *runFlags, getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) > mostProcs {
		runtime.GOMAXPROCS(mostProcs)
	}
	if flags.PprofAddress == "" {
		runtime.MemProfileRate = 0
	}
	runtime.GC() // what comes next takes the place of what initializing and reading flags left, instead of more memory
}

// giveBack returns what is to be called after each refresh: it gives the kernel back what the LIST took, and the first time the pages
// of the program that only the start needed.
func giveBack() func() {
	var started sync.Once
	return func() {
		debug.FreeOSMemory()
		started.Do(unmapProgram)
	}
}

// unmapProgram takes the pages of the program's code and constants out of this process. They stay in the kernel's page cache, from which
// those that are used again come back with a minor fault each: about half of them. The rest was for reading flags and kubeconfigs, and
// for initializing libraries. Where anything is not as expected, nothing happens.
func unmapProgram() {
	path, err := os.Executable()
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = smaps.Close() }()
	for _, m := range cleanMappings(smaps, path) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// cleanMappings returns the mappings of the file at path, as proc_pid_smaps(5) has them, that cannot be written and are all as they are in
// the file. Others would lose what is only in memory: relocations that a dynamic linker has made, breakpoints, uprobes.
func cleanMappings(smaps io.Reader, path string) (clean []mapping) {
	var m mapping
	candidate := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) > 1 && strings.Contains(fields[0], "-"): // a mapping begins
			_, err := fmt.Sscanf(fields[0], "%x-%x", &m.start, &m.end)
			candidate = err == nil && (fields[1] == "r-xp" || fields[1] == "r--p") && strings.HasSuffix(lines.Text(), " "+path)
		case candidate && len(fields) > 1 && fields[0] == "Anonymous:" && fields[1] == "0":
			clean = append(clean, m)
		}
	}
	return clean
}
