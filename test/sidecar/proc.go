package sidecar

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// InMemory returns a directory for snapshots in memory, as the emptyDir of a pod is, where there is such a file system. It goes with t.
func InMemory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "refresh-sidecar")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Memory returns a field of /proc/PID/status in MB.
func Memory(t testing.TB, pid int, field string) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
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
	t.Fatalf("no %s in /proc/%d/status", field, pid)
	return 0
}
