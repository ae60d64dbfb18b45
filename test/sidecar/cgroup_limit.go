package sidecar

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Limit has the kernel kill what is in the cgroup if it takes more, in MiB. The error says why this machine cannot. On version 1 the buffers of
// sockets are counted only if asked for, and apart.
func (c Cgroup) Limit(mebibytes int) error {
	files := []string{"memory.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes"}
	if !c.one() {
		files = []string{"memory.max"}
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(c.dir, file), fmt.Appendf(nil, "%d", mebibytes<<20), 0o600); err != nil {
			return fmt.Errorf("limiting a memory cgroup: %w", err)
		}
	}
	return nil
}

// PeakOfSockets is the most memory, in MiB, of the buffers of sockets, where [Cgroup.Peak] leaves them out: cgroups of version 2 count them to
// the container.
func (c Cgroup) PeakOfSockets(t testing.TB) float64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, "memory.kmem.tcp.max_usage_in_bytes"))
	if errors.Is(err, os.ErrNotExist) && !c.one() {
		return 0
	}
	var peak float64
	if err == nil {
		_, err = fmt.Sscan(string(data), &peak)
	}
	if err != nil {
		t.Fatal(err)
	}
	return peak / (1 << 20)
}

// one reports whether the cgroup is of version 1.
func (c Cgroup) one() bool { return filepath.Base(c.peak) == "memory.max_usage_in_bytes" }
