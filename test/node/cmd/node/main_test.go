package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nobody builds the command where every user may run it, and returns a function that runs it as the user nobody.
func nobody(t *testing.T) func(args ...string) (string, int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "node-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "node")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil { // #nosec G204 -- our own
		t.Fatalf("%v\n%s", err, out)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o755)); err != nil { // #nosec G302 -- for another user, whatever the umask
		t.Fatal(err)
	}
	return func(args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), path, args...) // #nosec G204 -- our own
		cmd.Dir = "/"
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
}

func TestWhereItCannotBeItFailsUnlessItMayBeSkipped(t *testing.T) {
	node := nobody(t)
	out, code := node("echo", "it ran")
	if code != 1 || !strings.Contains(out, "this machine cannot run a node: it takes root") || strings.Contains(out, "it ran") {
		t.Errorf("got exit code %d and %s", code, out)
	}
	out, code = node("-may-skip", "echo", "it ran")
	if code != 0 || !strings.Contains(out, "NOTHING WAS RUN") || !strings.Contains(out, "it takes root") || strings.Contains(out, "it ran") {
		t.Errorf("-may-skip: got exit code %d and %s", code, out)
	}
}

// A machine that cannot run a node passes `make check`, but not where a node is required.
func TestCheckMaySkipTheNodeUnlessItIsRequired(t *testing.T) {
	for variable, want := range map[string]bool{"E2E_REQUIRED=": true, "E2E_REQUIRED=1": false} {
		cmd := exec.CommandContext(t.Context(), "make", "--dry-run", "--directory=../../../..", "check", variable) // #nosec G204 -- our own arguments
		cmd.Env = append(os.Environ(), "MAKEFLAGS=")                                                               // of a make that runs this test
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "e2e.test") || strings.Contains(string(out), "-may-skip") != want {
			t.Errorf("make check %s: got -may-skip: %t, want %t, %v\n%s", variable, !want, want, err, out)
		}
	}
}

func TestACommandIsNeeded(t *testing.T) {
	if out, code := nobody(t)("-may-skip"); code != 1 || !strings.Contains(out, "which command?") {
		t.Errorf("got exit code %d and %s", code, out)
	}
}
