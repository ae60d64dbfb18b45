package writer_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/writer"
)

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// TestAnAppendOnlyDirectoryGetsNoMoreFiles, however often a write is tried and a process started, and none stays once it takes removals.
func TestAnAppendOnlyDirectoryGetsNoMoreFiles(t *testing.T) {
	dir := t.TempDir()
	attribute := func(flag string) error { return exec.CommandContext(t.Context(), "chattr", flag, dir).Run() }
	if err := attribute("+a"); err != nil {
		t.Skipf("this file system, or user, makes no directory append-only: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-a", dir).Run() }) // #nosec G204 -- a directory of the test's own
	path := filepath.Join(dir, "targets.json")
	var w *writer.Writer
	d := document(t, 1000)
	for range 10 {
		w = writer.New(path, 0o640)
		_, _ = w.Sweep()
		if err := w.Probe(); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("got %v from the probe, want the cause", err)
		}
		before := descriptors(t)
		for range 20 {
			if _, err := w.Publish(d); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("got %v, want the cause", err)
			}
		}
		if after := descriptors(t); after > before {
			t.Errorf("got %d descriptors after 20 attempts, %d before", after, before)
		}
	}
	left := files(t, dir)
	if len(left) > 2 {
		t.Errorf("got %q, want what the first probe could not remove", left)
	}
	for _, name := range left {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > 6 {
			t.Errorf("%s holds %d bytes", name, info.Size())
		}
	}
	if err := attribute("-a"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Publish(document(t, 1)); err != nil {
		t.Error(err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("got %q, want the snapshot alone", left)
	}
}

// TestAFileOfSomebodyElseInAStickyDirectory is told by the probe, and by each write.
func TestAFileOfSomebodyElseInAStickyDirectory(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making a file somebody else's takes root")
	}
	for name, mode := range map[string]os.FileMode{"readable": 0o644, "not readable": 0o600} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "targets.json")
			put(t, path, "{}")
			for _, err := range []error{os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(path, mode), os.Chown(path, 1001, 1001), os.Chown(dir, 1002, 1002), os.Chmod(dir, 0o777|os.ModeSticky)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			w := writer.New(path, 0o640)
			if err := w.Probe(); err != nil {
				t.Errorf("got %v, though root may replace the file", err)
			}
			asNobody(t)
			_, err := w.Publish(document(t, 1))
			for _, err := range []error{w.Probe(), err} {
				if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "sticky directory") || !strings.Contains(err.Error(), "uid 1001") {
					t.Errorf("got %v, want that the sticky bit and uid 1001 forbid it", err)
				}
			}
			if left := files(t, dir); len(left) != 1 {
				t.Errorf("got %q, want the old file alone", left)
			}
		})
	}
}
