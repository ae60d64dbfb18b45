package torture_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// volume is one that refuses something, or does not do what it is told.
type volume struct {
	name string
	// spoil makes the directory one, in a mount namespace of its own, and returns the program to run and how the directory is mended; nil:
	// it cannot be.
	spoil func(t *testing.T, dir string) (binary string, mend func())
	cause string // in the message
	cure  string
	stuck int // files that nobody can remove before it is mended
}

func volumes() []volume {
	filter := func(calls ...int) func(t *testing.T, dir string) (string, func()) {
		return func(t *testing.T, _ string) (string, func()) { return refusing(t, releaseBinary(t), calls...), nil }
	}
	return []volume{
		{name: "fsync is refused by seccomp", spoil: filter(unix.SYS_FSYNC, unix.SYS_FDATASYNC), cause: "sync ", cure: "seccomp"},
		{name: "chmod is ignored by the mount", spoil: bind("--chmod-ignore"), cause: "gives the file mode 0600 instead of 0640", cure: "use an emptyDir, or set --snapshot-mode=0600"},
		{name: "append-only", spoil: appendOnly, cause: "operation not permitted", cure: "lsattr -d", stuck: 2},
		{name: "chmod is refused by seccomp", spoil: filter(unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2), cause: "chmod ", cure: "seccomp"},
		{name: "rename is refused by seccomp", spoil: filter(unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2), cause: "rename ", cure: "seccomp"},
		{name: "chmod is refused by the mount", spoil: bind("--chmod-deny"), cause: "chmod ", cure: "does the mount refuse chmod"},
		{name: "no inode left", spoil: func(t *testing.T, dir string) (string, func()) {
			exhaust(t, filepath.Join(dir, ".many"))
			return releaseBinary(t), func() { remove(t, filepath.Join(dir, ".many")) }
		}, cause: "no inode left", cure: "remove files from the volume"},
		{name: "sticky, with a file of somebody else", spoil: sticky, cause: "sticky directory", cure: "clear the sticky bit"},
	}
}

// bind mounts the directory over itself with bindfs.
func bind(option string) func(t *testing.T, dir string) (string, func()) {
	return func(t *testing.T, dir string) (string, func()) {
		t.Helper()
		bindfs, err := exec.LookPath("bindfs")
		if err == nil {
			_, err = os.Stat("/dev/fuse")
		}
		if err != nil {
			t.Skipf("NOT RUN, for lack of bindfs or of FUSE: %v", err)
		}
		cmd := exec.CommandContext(t.Context(), bindfs, "-f", option, "-o", "nonempty", dir, dir) // #nosec G204 -- our own arguments
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		unmount := func() {
			if cmd.ProcessState == nil {
				_ = syscall.Unmount(dir, syscall.MNT_DETACH)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
		}
		t.Cleanup(unmount)
		waitFor(t, time.Minute, "bindfs is mounted", func() error {
			var fs syscall.Statfs_t
			if err := syscall.Statfs(dir, &fs); err != nil || fs.Type != unix.FUSE_SUPER_MAGIC {
				return fmt.Errorf("type %x, %w", fs.Type, err)
			}
			return nil
		})
		return releaseBinary(t), nil // who has the old mount open would not see it go
	}
}

func appendOnly(t *testing.T, dir string) (string, func()) {
	t.Helper()
	attribute := func(flag string) error { return exec.CommandContext(t.Context(), "chattr", flag, dir).Run() }
	if err := attribute("+a"); err != nil {
		t.Skipf("NOT RUN, for this file system or user makes no directory append-only: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-a", dir).Run() }) // #nosec G204 -- a directory of the test's own
	return releaseBinary(t), func() {
		if err := attribute("-a"); err != nil {
			t.Fatal(err)
		}
	}
}

// sticky gives the directory, like /tmp, and the file to two others. The sidecar is nobody.
func sticky(t *testing.T, dir string) (string, func()) {
	t.Helper()
	if os.Getuid() != 0 || !elsewhere() {
		t.Skip("NOT RUN: giving files away takes root")
	}
	path := filepath.Join(dir, "targets.json")
	for _, err := range []error{os.Chmod(dir, 0o777|os.ModeSticky), os.Chown(path, 1001, 1001), os.Chmod(path, 0o644)} { // #nosec G302 -- as /tmp is
		if err != nil {
			t.Fatal(err)
		}
	}
	return unprivileged(t, releaseBinary(t)), func() {
		if err := os.Chmod(dir, 0o777); err != nil { // #nosec G302 -- the sticky bit goes
			t.Fatal(err)
		}
	}
}

// TestVolumesThatRefuse starts a sidecar on volumes where a publication fails, with a snapshot of an earlier one in place.
func TestVolumesThatRefuse(t *testing.T) {
	t.Parallel()
	if !inMountNamespace(t) {
		return
	}
	for _, v := range volumes()[:times(len(volumes()), 3)] {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			refused(t, v)
		})
	}
}

func refused(t *testing.T, v volume) {
	t.Helper()
	dir, manifests := openTempDir(t), openTempDir(t)
	path := filepath.Join(dir, "targets.json")
	if v.name != "append-only" { // which takes a disk
		mount(t, dir, 0, "size=4m,nr_inodes=40,mode=0755")
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
	put := func(number int) {
		writeList(t, filepath.Join(manifests, "a.json"), []any{manifest("a", webhook(number))})
		give(t, filepath.Join(manifests, "a.json"))
	}
	put(0)
	args := []string{"--manifests", manifests, "--startup-backoff", "100ms"}
	p := sidecar.StartBinary(t, releaseBinary(t), path, args...)
	p.Until("publishes", func() error { return succeeded(p) })
	p.Kill()
	binary, mend := v.spoil(t, dir)
	f := begin(t, &fault{Area: "disk", Name: "a volume: " + v.name, Made: "as named, at the start of a sidecar with a snapshot in place, and for 20 attempts to write",
		Holds: "the start-up probe and each attempt say what is refused and what cures it; nothing is left behind, no file and no descriptor, but what an append-only directory lets nobody delete, which is bounded; the old file stays whole"})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(1)
	p = sidecar.StartBinary(t, binary, path, args...)
	expectExplained(f, v, "the probe", p.Logs("the snapshot cannot be written, going on to try"))
	attempts := func(n float64) {
		p.Until("has tried to write", func() error {
			if got := p.Metric("publishing_snapshot_publications_total", "result", "failed"); got < n {
				return fmt.Errorf("%.0f times, want %.0f", got, n)
			}
			return nil
		})
	}
	attempts(20)
	if n := openIn(t, p, dir); n > 1 { // an attempt may be under way
		f.violation("%d files are open in the directory after 20 attempts", n)
	}
	if s := p.Status(); !strings.Contains(s.Error, v.cause) || !strings.Contains(s.Error, v.cure) {
		f.violation("the status says %q, want %q and %q", s.Error, v.cause, v.cure)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		f.violation("the old file did not stay: %v", err)
	}
	expectReady(f, p)
	for range times(5, 1) { // more starts leave no more
		p.Kill()
		p = sidecar.StartBinary(t, binary, path, args...)
		attempts(2)
		f.run()
	}
	p.Until("leaves nothing", func() error { return leaves(path, v.stuck) })
	f.figure("%d files left behind", v.stuck)
	if mend == nil {
		return
	}
	mend()
	p.Until("publishes what it owes", func() error { return hasNumber(p, "a", 1) })
	p.Until("leaves nothing", func() error { return leaves(path, 0) })
}

func expectExplained(f *fault, v volume, who string, lines []map[string]any) {
	f.t.Helper()
	for _, line := range lines {
		if text, _ := line["error"].(string); strings.Contains(text, v.cause) && strings.Contains(text, v.cure) {
			return
		}
	}
	f.violation("%s says %v, want %q and %q", who, lines, v.cause, v.cure)
}

// leaves fails if more temporary files lie beside the snapshot.
func leaves(path string, most int) error {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"+filepath.Base(path)+"?*"))
	if err == nil && len(left) > most {
		err = fmt.Errorf("%q", left)
	}
	return err
}

// openIn returns how many files of a directory the sidecar has open, removed ones included.
func openIn(t *testing.T, p *sidecar.Process, dir string) (n int) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID()))
	if err != nil || len(links) == 0 {
		t.Fatalf("no descriptors: %v", err)
	}
	for _, link := range links {
		if file, err := os.Readlink(link); err == nil && strings.HasPrefix(file, dir+"/") {
			n++
		}
	}
	return n
}
