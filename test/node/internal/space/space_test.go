package space_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/node/internal/space"
)

// The program plays three parts: the tests, who calls Run, and process 1.
const (
	outside = "call-run"
	inside  = "process-1"
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == outside:
		err = space.Run(context.Background(), os.Args[2], inside, os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == inside:
		err = occupy(os.Args[2])
	default:
		goleak.VerifyTestMain(m)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// occupy makes all that has to go: a process that ignores SIGTERM, in a cgroup below, a mount, a file in a directory that is hidden.
func occupy(name string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := space.Setup(name, "192.168.99.1/24"); err != nil {
		return err
	}
	child := exec.Command("sh", "-c", "trap '' TERM; mkdir /sys/fs/cgroup/memory/below; echo $$ >/sys/fs/cgroup/memory/below/cgroup.procs; echo ready; exec sleep 1000")
	child.Stdout = os.Stdout
	if err := child.Start(); err != nil {
		return err
	}
	if err := os.WriteFile("/var/lib/"+name, nil, 0o600); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/mnt", "tmpfs", 0, ""); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// caller is a process that calls Run.
type caller struct {
	cmd  *exec.Cmd
	name string
	pids []int // of the processes inside
}

func start(t *testing.T, name string) *caller {
	t.Helper()
	if err := space.Check(); err != nil {
		t.Skipf("space: %v; `make e2e` fails for that reason", err)
	}
	c := &caller{cmd: exec.Command("/proc/self/exe", outside, name), name: name} // #nosec G204 -- this program
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	line := make([]byte, 6)
	if n, err := out.Read(line); err != nil || string(line) != "ready\n" {
		t.Fatalf("got %q, %v", line[:n], err)
	}
	dirs := c.cgroups(t)
	if len(dirs) == 0 {
		t.Fatal("there is no cgroup")
	}
	for _, dir := range append(dirs, filepath.Join(memory(dirs), "below")) {
		procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // #nosec G304 -- the kernel's
		if err != nil {
			t.Fatal(err)
		}
		for field := range strings.FieldsSeq(string(procs)) {
			pid := 0
			if _, err := fmt.Sscan(field, &pid); err != nil {
				t.Fatal(err)
			}
			c.pids = append(c.pids, pid)
		}
	}
	return c
}

func memory(dirs []string) string {
	for _, dir := range dirs {
		if strings.HasPrefix(dir, "/sys/fs/cgroup/memory/") {
			return dir
		}
	}
	return ""
}

// cgroups are the directories of spaces of that name.
func (c *caller) cgroups(t *testing.T) (dirs []string) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/*/", "/sys/fs/cgroup/*/*/", "/sys/fs/cgroup/*/*/*/"} {
		found, err := filepath.Glob(pattern + c.name + "-*")
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, found...)
	}
	return dirs
}

// gone checks that nothing runs any more, and that the machine has not got what was made inside.
func (c *caller) gone(t *testing.T) {
	t.Helper()
	if len(c.pids) < 2 {
		t.Errorf("got processes %v, want process 1 and its child", c.pids)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		alive := false
		for _, pid := range c.pids {
			alive = alive || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
		}
		if !alive {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("some of %v live on", c.pids)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), " /mnt tmpfs ") || strings.Contains(string(mounts), "/proc/sys/vm") {
		t.Errorf("a mount is left:\n%s", mounts)
	}
	if _, err := os.Stat("/var/lib/" + c.name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
	if _, err := os.Stat("/sys/class/net/node0"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a network interface is left: %v", err)
	}
}

func TestAnEndLeavesNothing(t *testing.T) {
	c := start(t, "space-test-end")
	if err := syscall.Kill(c.pids[0], syscall.SIGTERM); err != nil { // process 1 ends, its child does not
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	c.gone(t)
	if left := c.cgroups(t); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}

func TestAKilledCallerLeavesNothing(t *testing.T) {
	c := start(t, "space-test-kill")
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // it was killed
	c.gone(t)
	for deadline := time.Now().Add(10 * time.Second); len(c.cgroups(t)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("cgroups are left: %v", c.cgroups(t))
		}
	}
}

func TestACancelledRunEnds(t *testing.T) {
	if err := space.Check(); err != nil {
		t.Skipf("space: %v; `make e2e` fails for that reason", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := space.Run(ctx, "space-test-cancel", inside, "space-test-cancel"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if left := (&caller{name: "space-test-cancel"}).cgroups(t); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}

func TestHiddenPathsAreKnown(t *testing.T) {
	for path, want := range map[string]bool{"/var/lib/jenkins/work": false, "/run/x": false, "/home/x": true, "/var/library": true} {
		if got := space.Visible(path) == nil; got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}

func TestSetupIsForProcess1(t *testing.T) {
	if err := space.Setup("x"); err == nil {
		t.Error("got no error") // and this machine has another host name now
	}
}
