package sidecar

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Cgroup is a memory cgroup, such as the one that limits a container.
type Cgroup struct {
	dir, peak string // the directory, and the file in it that has the highest usage
}

// NewCgroup makes a cgroup of version 1 below this process's own, or one of version 2 below the root. It is removed when t ends. The
// error says why this machine has none to offer.
func NewCgroup(t testing.TB) (Cgroup, error) {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return Cgroup{}, err
	}
	parent, peak := "/sys/fs/cgroup", "memory.peak"
	if _, rest, ok := strings.Cut(string(own), ":memory:"); ok {
		path, _, _ := strings.Cut(rest, "\n")
		parent, peak = filepath.Join("/sys/fs/cgroup/memory", path), "memory.max_usage_in_bytes"
	}
	dir, err := os.MkdirTemp(parent, "refresh-sidecar-test-")
	if err != nil {
		return Cgroup{}, fmt.Errorf("making a memory cgroup: %w", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil { // #nosec G703 -- the test made it; the kernel's files in it go with the directory
			t.Errorf("removing a memory cgroup: %v", err)
		}
	})
	c := Cgroup{dir: dir, peak: filepath.Join(dir, peak)}
	if _, err := os.Stat(c.peak); err != nil {
		return Cgroup{}, fmt.Errorf("a cgroup below %s does not count memory: %w", parent, err)
	}
	return c, nil
}

// Program returns a program that runs another one in the cgroup, as the only process there.
func (c Cgroup) Program(t testing.TB, binary string) string {
	t.Helper()
	return Script(t, fmt.Sprintf("echo $$ >%s/cgroup.procs && exec %s \"$@\"", c.dir, binary))
}

// Peak is the most memory, in MiB, that the kernel has counted for the cgroup at any time: anonymous memory, the kernel's own, and every
// page of a file that a process of the cgroup was the first to read or write.
func (c Cgroup) Peak(t testing.TB) float64 {
	t.Helper()
	data, err := os.ReadFile(c.peak)
	if err != nil {
		t.Fatal(err)
	}
	var peak float64
	if _, err := fmt.Sscan(string(data), &peak); err != nil {
		t.Fatal(err)
	}
	return peak / (1 << 20)
}

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

// Forget drops a file from the kernel's page cache, so that the next process that reads it is charged for its pages.
func Forget(t testing.TB, path string) {
	t.Helper()
	file, err := os.Open(path) // #nosec G304 -- the program under test
	if err != nil {
		t.Fatal(err)
	}
	// Pages that are not yet on disk would stay.
	err = errors.Join(file.Sync(), unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED), file.Close())
	if err != nil {
		t.Fatalf("dropping %s from the page cache: %v", path, err)
	}
}
