//go:build go1.25

package targetsfile_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// An edit in place that keeps the size and sets the time of change back still moves the inode's ctime.
func TestForgedTimeOfChangeIsFoundByThePoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		check(t, os.WriteFile(path, encode(t, document(t, 1, "a")), 0o600))
		info, err := os.Stat(path)
		check(t, err)
		r := open(t, path, targetsfile.WithoutWatch())
		for ctime(t, path) == info.Sys().(*syscall.Stat_t).Ctim { // until the kernel's clock has ticked
			check(t, os.WriteFile(path, encode(t, document(t, 2, "a")), 0o600))
			check(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}
		time.Sleep(6 * time.Second) // one poll
		if got := r.Snapshot().Generation(); got != 2 {
			t.Errorf("got generation %d, want 2", got)
		}
	})
}

func ctime(t *testing.T, path string) syscall.Timespec {
	t.Helper()
	info, err := os.Stat(path)
	check(t, err)
	return info.Sys().(*syscall.Stat_t).Ctim
}
