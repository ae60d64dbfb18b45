package targetsfile_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// inotify instances are limited per user and node, so a full node leaves none. The limit of a user namespace can be exhausted without
// disturbing others: the test runs itself again in one.
func TestWithoutInotifyInstancesTheFileIsPolled(t *testing.T) {
	if isChild() {
		pollThenWatch(t)
		return
	}
	again := child(t)
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

// child returns a command that runs this test alone in a process of its own, where isChild is true.
func child(t *testing.T) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "TARGETSFILE_CHILD=1")
	return cmd
}

func isChild() bool { return os.Getenv("TARGETSFILE_CHILD") != "" }

func pollThenWatch(t *testing.T) {
	const limit = 4
	check(t, os.WriteFile("/proc/sys/user/max_inotify_instances", []byte(strconv.Itoa(limit)), 0o600))
	var others []int
	for range limit {
		instance, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
		check(t, err)
		others = append(others, instance)
	}
	path := filepath.Join(t.TempDir(), "targets.json")
	var log safeBuffer
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond), targetsfile.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if r.Status().Watching {
		t.Error("got a watch without an inotify instance, want polling")
	}
	rename(t, path, encode(t, document(t, 1, "a")))
	serves(t, r, 1)
	if r.Status().Watching {
		t.Error("got a watch without an inotify instance, want polling")
	}
	if text := log.take(); !strings.Contains(text, "by polling alone") || !strings.Contains(text, syscall.EMFILE.Error()) {
		t.Errorf("got log %s, want it to tell of polling and its reason", text)
	}
	check(t, syscall.Close(others[0])) // somebody gives one back
	eventually(t, r, "the directory is watched", func() bool { return r.Status().Watching })
	rename(t, path, encode(t, document(t, 2, "a")))
	serves(t, r, 2)
}

// The kernel keeps 16 384 events for who does not read them, and drops the rest. The reader is a process of its own that is stopped while
// 30 000 events come, and its file's after them: only the overflow can tell it to look, for the next poll is an hour away.
func TestLostEventsCauseALoad(t *testing.T) {
	if isChild() {
		waitForGeneration2(t)
		return
	}
	path := published(t, document(t, 1, "a"))
	reader := child(t)
	reader.Env = append(reader.Env, "TARGETSFILE_PATH="+path)
	reader.Stderr = os.Stderr
	out, err := reader.StdoutPipe()
	check(t, err, reader.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "watching") {
	}
	check(t, reader.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(reader.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("stopping the reader: got status %v and error %v", status, err)
	}
	for range 15_000 {
		other := path + ".other"
		check(t, os.Mkdir(other, 0o700), os.Remove(other))
	}
	rename(t, path, encode(t, document(t, 2, "a")))
	check(t, reader.Process.Signal(syscall.SIGCONT))
	text := ""
	for lines.Scan() {
		text += lines.Text() + "\n"
	}
	if err := reader.Wait(); err != nil {
		t.Errorf("the reader: %v\n%s", err, text)
	}
}

func waitForGeneration2(t *testing.T) {
	r := open(t, os.Getenv("TARGETSFILE_PATH"), targetsfile.WithPollInterval(time.Hour))
	serves(t, r, 1)
	if !r.Status().Watching {
		t.Fatal("got no watch")
	}
	fmt.Println("watching")
	serves(t, r, 2)
}

// No event tells of a file system that is mounted over the directory.
func TestMountedAndUnmountedDirectoryIsFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "targets.json")
	rename(t, path, encode(t, document(t, 1, "a")))
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skipf("mounting a tmpfs takes root: %v", err)
	}
	mounted := true
	defer func() {
		if mounted {
			check(t, syscall.Unmount(dir, syscall.MNT_DETACH))
		}
	}()
	missed := func() bool { return errors.Is(r.Status().LastError, fs.ErrNotExist) }
	eventually(t, r, "the file under the mount is missed", missed)
	serves(t, r, 1)
	rename(t, path, encode(t, document(t, 2, "a")))
	serves(t, r, 2)
	eventually(t, r, "the mounted directory is watched", func() bool { return r.Status().Watching })

	eventually(t, r, "the file system is not busy", func() bool { return syscall.Unmount(dir, 0) == nil }) // while the reader looks, it is
	mounted = false
	eventually(t, r, "the file of before is refused", func() bool { return r.Status().LastError != nil })
	refused(t, r.Status().LastError, targetsfile.ReasonRollback)
	serves(t, r, 2)
	rename(t, path, encode(t, document(t, 3, "a")))
	serves(t, r, 3)
	eventually(t, r, "the directory is watched", func() bool { return r.Status().Watching })
}

// A reader that comes and goes leaves nothing behind.
func TestOpenAndCloseAThousandTimes(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	cycle := func() {
		r, err := targetsfile.Open(t.Context(), path)
		if err != nil {
			t.Error(err)
			return
		}
		stop := r.OnChange(func(targetsfile.Change) {})
		if _, err := r.Get("a"); err != nil {
			t.Error(err)
		}
		r.Close()
		stop()
	}
	held := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		check(t, err)
		return len(fds)
	}
	cycle() // opens what the runtime keeps
	fds, goroutines := held(), runtime.NumGoroutine()
	var cycles sync.WaitGroup
	for range 20 { // at once, because closing an inotify instance waits for a grace period of the kernel
		cycles.Add(1)
		go func() {
			defer cycles.Done()
			for range 50 {
				cycle()
			}
		}()
	}
	cycles.Wait()
	if got := held(); got > fds {
		t.Errorf("got %d descriptors, want %d as before", got, fds)
	}
	last := open(t, path, targetsfile.WithoutWatch())
	last.Close()
	eventually(t, last, "there are no more goroutines than before", func() bool { // some are just leaving
		return runtime.NumGoroutine() <= goroutines
	})
}

// The reader may not run as the file's owner.
func TestUnreadableFileIsAPermissionError(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	check(t, os.Chmod(path, 0))
	asNobody(t)
	_, err := targetsfile.ReadFile(path)
	refused(t, err, targetsfile.ReasonPermission)
	r := open(t, path, targetsfile.WithoutWatch()) // loads in this thread
	refused(t, r.Status().LastError, targetsfile.ReasonPermission)
}

// asNobody takes root's rights on files from this test's thread for the rest of the test.
func asNobody(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	check(t, syscall.Setfsuid(65534))
	t.Cleanup(func() {
		_ = syscall.Setfsuid(0)
		runtime.UnlockOSThread()
	})
}

// Files of /proc say that they are empty, as one does that grows while it is read.
func TestFileLargerThanItsSizeSaysIsRefused(t *testing.T) {
	keepsTheLastGood(t, []fault{{"a file of the kernel", func(t *testing.T, path string) {
		check(t, os.Remove(path), os.Symlink("/proc/self/smaps", path))
	}, targetsfile.ReasonTooLarge}})
}
