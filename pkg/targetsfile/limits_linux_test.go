package targetsfile_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const inotifyLimit = "/proc/sys/user/max_inotify_instances"

// inotify instances are limited per user and node, so a full node leaves none. The limit of a user namespace can be set without
// disturbing others: the test runs itself again in one.
func TestWithoutInotifyInstancesTheFileIsPolled(t *testing.T) {
	if os.Getenv("TARGETSFILE_IN_NAMESPACE") != "" {
		pollThenWatch(t)
		return
	}
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), "TARGETSFILE_IN_NAMESPACE=1")
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := again.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Skipf("no user namespace: %v", err)
	}
	if err != nil {
		t.Errorf("in the namespace: %v\n%s", err, out)
	}
}

func pollThenWatch(t *testing.T) {
	limit := func(n string) { check(t, os.WriteFile(inotifyLimit, []byte(n), 0o600)) }
	path := filepath.Join(t.TempDir(), "targets.json")
	limit("0")
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
	if r.Status().Watching {
		t.Error("got a watch without an inotify instance, want polling")
	}
	rename(t, path, encode(t, document(t, 1, "a")))
	serves(t, r, 1)
	if r.Status().Watching {
		t.Error("got a watch without an inotify instance, want polling")
	}
	limit("1")
	eventually(t, r, "the directory is watched", func() bool { return r.Status().Watching })
	rename(t, path, encode(t, document(t, 2, "a")))
	serves(t, r, 2)
}

// The reader may not run as the file's owner.
func TestUnreadableFileIsAPermissionError(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	check(t, os.Chmod(path, 0))
	if os.Geteuid() == 0 { // root may read everything, this thread for a moment not
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		check(t, syscall.Setfsuid(65534))
		defer syscall.Setfsuid(0)
	}
	_, err := targetsfile.ReadFile(path)
	refused(t, err, targetsfile.ReasonPermission)
}

// Files of /proc say that they are empty, as one does that grows while it is read.
func TestFileLargerThanItsSizeSaysIsRefused(t *testing.T) {
	keepsTheLastGood(t, []fault{{"a file of the kernel", func(t *testing.T, path string) {
		check(t, os.Remove(path), os.Symlink("/proc/self/smaps", path))
	}, targetsfile.ReasonTooLarge}})
}
