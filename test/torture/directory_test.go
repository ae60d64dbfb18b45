package torture_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestDirectoryReplaced moves the directory away under the sidecar and its reader, and puts another in its place.
func TestDirectoryReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.path = filepath.Join(t.TempDir(), "volume", "targets.json")
	dir := filepath.Dir(w.path)
	makeDir(t, dir)
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "disk", Name: "directory replaced", Made: "the directory is renamed away, or removed, and made anew, while a Secret changes",
		Holds: "the file comes back in the new directory, in a new epoch; the Reader serves all the while and follows"})
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, w.args()...)
	d := &diskWorld{world: w, p: p, f: f}
	p.Until("publishes", func() error { return d.shows(0) })
	witness := attachLoosely(t, w.path, f, "a")
	for i := range times(20, 2) {
		if i%2 == 0 {
			if err := os.Rename(dir, fmt.Sprintf("%s-%d", dir, i)); err != nil {
				t.Fatal(err)
			}
		} else {
			remove(t, dir)
		}
		d.n++
		w.webhook("a", d.n)
		makeDir(t, dir)
		p.Until("publishes into the new directory", func() error { return d.shows(d.n) })
		p.Until("is read there", func() error {
			if target, err := witness.reader.Get("a"); err != nil || !strings.HasSuffix(target.URL, fmt.Sprint("/", d.n)) {
				return fmt.Errorf("the reader has %v, %v", target, err)
			}
			return nil
		})
		f.run()
	}
	witness.end()
	d.expectNothingLeft()
}

func makeDir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil { // #nosec G301 -- as a volume is
		t.Fatal(err)
	}
}

// TestPermissionTaken runs the sidecar as a user who is not root, because permissions do not bind root.
func TestPermissionTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	w.webhook("b", 0)
	f := begin(t, &fault{Area: "disk", Name: "permission taken", Made: "chmod 0555 of the directory under a sidecar that is not root, while a Secret changes; then 0755",
		Holds: "as with a full disk; the error names path, uid, gid and mode"})
	binary := unprivileged(t, releaseBinary(t))
	w.path = filepath.Join(openTempDir(t), "targets.json")
	kubeconfig := filepath.Join(openTempDir(t), "kubeconfig")
	copyFile(t, w.kubeconfig(), kubeconfig)
	give(t, kubeconfig)
	d := &diskWorld{world: w, f: f}
	d.start(binary, kubeconfig)
	witness := attach(t, w.path, f, "a", "b")
	dir := filepath.Dir(w.path)
	chmod := func(mode os.FileMode) {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	for range times(20, 2) {
		d.survives(func() { chmod(0o555) }, func() {
			if s := d.p.Status(); !strings.Contains(s.Error, "uid") || !strings.Contains(s.Error, dir) {
				f.violation("the error names neither the uid nor the path: %s", s.Error)
			}
			chmod(0o755)
		})
	}
	witness.end()
}

// unprivileged returns a program that runs another one as the user nobody, if this process is root.
func unprivileged(t *testing.T, binary string) string {
	t.Helper()
	if os.Getuid() != 0 {
		return binary
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Fatal(err)
	}
	return sidecar.Script(t, fmt.Sprintf("exec %s --reuid=65534 --regid=65534 --clear-groups --pdeathsig=KILL -- %s \"$@\"", setpriv, binary))
}

// openTempDir returns a directory that belongs to the user nobody. Every user may pass its parents, unlike those of t.TempDir.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, dir) })
	give(t, dir)
	return dir
}

// give makes the user nobody the owner of a file or a directory.
func give(t *testing.T, path string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from) // #nosec G304 -- the test's own file
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil { // #nosec G703 -- the test's own file
		t.Fatal(err)
	}
}
