package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

// Machine is where figures come from. It names no host.
type Machine struct {
	CPU                          string
	Cores                        int
	MemoryGiB                    float64
	Kernel, Go, Kubernetes, Etcd string
	Day                          string
	LoadAtStart                  string
}

// Describe describes this machine and the programs that are measured.
func Describe(ctx context.Context) (Machine, error) {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Day: time.Now().UTC().Format(time.DateOnly), CPU: "unknown CPU"}
	var err error
	if m.Kubernetes, err = version(ctx, binaries.APIServer); err != nil {
		return m, err
	}
	if m.Etcd, err = version(ctx, binaries.Etcd); err != nil {
		return m, err
	}
	if m.Kernel, err = Kernel(); err != nil {
		return m, err
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return m, fmt.Errorf("asking for the size of the memory: %w", err)
	}
	m.MemoryGiB = float64(info.Totalram) * float64(info.Unit) / (1 << 30)
	if cpus, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if found := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(cpus); found != nil {
			m.CPU = string(found[1])
		}
	}
	m.LoadAtStart = load()
	return m, nil
}

// Kernel returns the kernel's version number, without the suffix, which may name who built it.
func Kernel() (string, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return "", fmt.Errorf("asking for the kernel's version: %w", err)
	}
	return regexp.MustCompile(`^[0-9.]+`).FindString(unix.ByteSliceToString(uts.Release[:])), nil
}

// load is the load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// version asks a program of the control plane for its version.
func version(ctx context.Context, name binaries.Name) (string, error) {
	path, err := binaries.Cache{}.Path(ctx, name)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output() // #nosec G204 -- a program that package binaries built
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", name, err)
	}
	return regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+\S*`).FindString(string(out)), nil
}

// String is a paragraph for a document.
func (m Machine) String() string {
	return fmt.Sprintf("Measured on %s: %d cores of %s, %.0f GiB of memory, Linux %s, %s, kube-apiserver %s, etcd %s. "+
		"Load average %s before the run, %s after it.",
		m.Day, m.Cores, m.CPU, m.MemoryGiB, m.Kernel, m.Go, m.Kubernetes, m.Etcd, m.LoadAtStart, load())
}
