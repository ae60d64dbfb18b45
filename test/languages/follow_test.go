package languages_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// follows checks that a reader follows a file in a folder of its own that is replaced, damaged, deleted and there again.
func follows(t *testing.T, command []string, vectors, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	followed := filepath.Join(dir, "targets.json")
	next := follow(t, append(slices.Clone(command), "--follow", followed))
	for _, step := range []step{
		refused(missing, "missing"), accepted(base), kept("cut.json", "syntax"), kept("lower-generation.json", "rollback"),
		accepted("next.json"), kept(missing, "missing"), accepted("new-epoch.json"),
	} {
		replace(t, filepath.Join(vectors, step.File), followed)
		if got := next(); got.Outcome != step.Outcome || got.Reason != step.Reason {
			t.Errorf("at %s: got %s %s, want %s %s", step.File, got.Outcome, got.Reason, step.Outcome, step.Reason)
		}
	}
}

// follow starts a reader and returns a function that waits for its next line. The test's end stops the reader, which must leave no file.
func follow(t *testing.T, command []string) func() result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) // #nosec G204 -- readers of this repository
	temporary := t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a shell has children
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was stopped by a signal
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("got %v in the temporary folder and error %v, want nothing", left, err)
		}
	})
	lines := bufio.NewScanner(out)
	return func() (got result) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the reader says no more: %v", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
}
