package torture_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// elsewhereVariable is set in the child that [inMountNamespace] makes.
const elsewhereVariable = "TORTURE_ELSEWHERE"

func elsewhere() bool { return os.Getenv(elsewhereVariable) != "" }

// inMountNamespace runs a whole test once more in a process with a mount namespace of its own, where it may mount what it likes: the mounts
// end with the process. It returns true in that process; where it returns false, the test has been run. A user who is not root becomes
// root in a user namespace, which the kernel must allow.
func inMountNamespace(t *testing.T) bool {
	t.Helper()
	if elsewhere() {
		return true
	}
	releaseBinary(t) // which the process is to find
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=10m", "-test.parallel=3"}
	if *full {
		args = append(args, "-full")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...) // #nosec G204 -- this very program
	cmd.Env = append(os.Environ(), elsewhereVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("in a mount namespace of its own:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// mount mounts a file system, or changes how one is mounted.
func mount(t *testing.T, path string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("torture", path, "tmpfs", flags, options); err != nil {
		t.Fatalf("mounting a tmpfs with %q: %v", options, err)
	}
}
