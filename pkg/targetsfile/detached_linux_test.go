package targetsfile_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// A subPath mounts the file itself, so the container keeps the first one for ever. The mount takes a namespace of its own.
func TestAFileThatIsMountedByItselfIsTold(t *testing.T) {
	if isChild() {
		mountedByItself(t)
		return
	}
	again := child(t)
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
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

func mountedByItself(t *testing.T) {
	doc := document(t, 1, "a")
	doc.StaleAfter = doc.RefreshedAt
	origin := published(t, doc)
	path := filepath.Join(t.TempDir(), "targets.json")
	check(t, os.WriteFile(path, nil, 0o600), syscall.Mount(origin, path, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { check(t, syscall.Unmount(path, 0)) })
	var log safeBuffer
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond), targetsfile.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if s := r.Status(); s.Detached || !s.Watching {
		t.Errorf("got %+v, want nothing suspicious yet", s)
	}
	rename(t, origin, encode(t, document(t, 2, "a")))
	eventually(t, r, "it is told", func() bool { return r.Status().Detached })
	if s := r.Status(); s.Watching || s.Snapshot.Generation() != 1 {
		t.Errorf("got %+v, want generation 1 and no claim to watch", s)
	}
	const hint = "mount its directory"
	if err := r.Healthy(); !errors.Is(err, targetsfile.ErrStale) || !strings.Contains(err.Error(), hint) {
		t.Errorf("got %v, want stale and a hint", err)
	}
	check(t, r.Close())
	if text := log.take(); strings.Count(text, hint) != 1 {
		t.Errorf("got log %s, want the hint once", text)
	}
}
