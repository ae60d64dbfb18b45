package manifests_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
)

func TestFollowsLinks(t *testing.T) {
	t.Run("of a mounted ConfigMap", func(t *testing.T) {
		root := files{"..2026/a.yaml": manifest("a")}.write(t)
		link(t, "..2026", filepath.Join(root, "..data"))
		link(t, "..data/a.yaml", filepath.Join(root, "a.yaml"))
		if got := summary(mustList(t, root)); len(got) != 1 {
			t.Errorf("got %q, want the Secret once", got)
		}
	})
	t.Run("in a circle", func(t *testing.T) {
		root := files{"a.yaml": manifest("a"), "d/b.yaml": manifest("b")}.write(t)
		link(t, "..", filepath.Join(root, "d", "up"))
		link(t, "d", filepath.Join(root, "e"))
		link(t, "self", filepath.Join(root, "self"))
		link(t, "a.yaml", filepath.Join(root, "c.yaml"))
		if got := summary(mustList(t, root)); len(got) != 2 {
			t.Errorf("got %q, want each Secret once", got)
		}
	})
	t.Run("out of the tree", func(t *testing.T) {
		elsewhere := files{"b.yaml": manifest("b"), "d/c.yaml": manifest("c")}.write(t)
		root := files{"a.yaml": manifest("a")}.write(t)
		link(t, filepath.Join(elsewhere, "b.yaml"), filepath.Join(root, "b.yaml"))
		link(t, filepath.Join(elsewhere, "d"), filepath.Join(root, "d"))
		if got := summary(mustList(t, root)); len(got) != 3 {
			t.Errorf("got %q, want all three", got)
		}
	})
	t.Run("to nowhere", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		link(t, "gone", filepath.Join(root, "readme"))
		mustList(t, root)
		link(t, "gone", filepath.Join(root, "b.yaml"))
		_, err := list(t, root, "")
		checkManifestError(t, err, "stat "+root+"/b.yaml: no such file or directory")
	})
}

// All are found before a byte is read: the broken file goes before them in the order of reading.
func TestRefusesOddFiles(t *testing.T) {
	broken := files{"a.yaml": "{"}
	t.Run("a FIFO", func(t *testing.T) {
		root := broken.write(t)
		path := filepath.Join(root, "b.yaml")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := list(t, root, "")
		checkManifestError(t, err, fmt.Sprintf("%q: is not a regular file", path))
	})
	t.Run("more than 64 MiB", func(t *testing.T) {
		root := broken.write(t)
		write(t, filepath.Join(root, "b.yaml"), "")
		if err := os.Truncate(filepath.Join(root, "b.yaml"), 64<<20); err != nil { // sparse
			t.Fatal(err)
		}
		_, err := list(t, root, "")
		checkManifestError(t, err, "more than 64 MiB")
	})
	t.Run("a file without permission", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may read everything")
		}
		root := files{"a.yaml": manifest("a")}.write(t)
		if err := os.Chmod(filepath.Join(root, "a.yaml"), 0); err != nil {
			t.Fatal(err)
		}
		_, err := list(t, root, "")
		checkManifestError(t, err, "open "+root+"/a.yaml: permission denied")
	})
}

// A volume of a file system of its own has such a directory, and so does a home directory by mistake.
func TestLostAndFound(t *testing.T) {
	root := files{"a.yaml": manifest("a"), "lost+found/b.yaml": manifest("b"), "other/c.yaml": manifest("c")}.write(t)
	for _, dir := range []string{"lost+found", "other"} {
		if err := os.Chmod(filepath.Join(root, dir), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, dir), 0o700) }) // #nosec G302 -- whoever is not root can remove it then
	}
	m := newSource(t, root)
	var faults []error
	asNobody(t, root, func() { faults = m.FindFaults(t.Context()) })
	if len(faults) != 1 || !strings.Contains(faults[0].Error(), "/other: permission denied") {
		t.Errorf("got %v, want other refused, and lost+found skipped", faults)
	}
	if err := os.Chmod(filepath.Join(root, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := m.Hints()
	defer h.Close()
	asNobody(t, root, func() {
		if _, hinted := h.Look(t.Context()); !hinted {
			t.Error("got no hints for want of a directory that is not read, want all others watched")
		}
	})
}

// asNobody has f do without the rights of root, which may read everything, on a thread of its own.
func asNobody(t *testing.T, root string, f func()) {
	t.Helper()
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if os.Getuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
			}
		}
		f()
	}()
	<-done
}

func TestKustomizationsAreNoManifests(t *testing.T) {
	root := files{"a.yaml": manifest("a"), "kustomization.yaml": "resources: [a.yaml]", "d/kustomization.yml": "{", "e/kustomization.json": `{"apiVersion":"v1","kind":"List"}`}.write(t)
	if diff := cmp.Diff([]string{"default/a https://h/a"}, summary(mustList(t, root))); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	_, err := list(t, filepath.Join(root, "kustomization.yaml"), "")
	checkManifestError(t, err, fmt.Sprintf("%q: is a kustomization, not a manifest", filepath.Join(root, "kustomization.yaml")))
	lines, _ := validate(t, root, "a.yaml", "kustomization.yaml")
	if diff := cmp.Diff([]string{"skipped kustomization.yaml 0.0 : is a kustomization, not a manifest"}, lines); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestDirectoryWithTheNameOfAFile(t *testing.T) {
	if got := summary(mustList(t, files{"a.yaml/b.yaml": manifest("b")}.write(t))); len(got) != 1 {
		t.Errorf("got %q, want the Secret inside", got)
	}
}

func TestResourceVersion(t *testing.T) {
	root := files{"a.yaml": manifest("a"), "d/b.yaml": manifest("b")}.write(t)
	a := filepath.Join(root, "a.yaml")
	version := func() string {
		listing, _ := list(t, root, "")
		return listing.ResourceVersion
	}
	for _, step := range []struct {
		name    string
		do      func() error
		changes bool
	}{
		{"nothing happens", func() error { return nil }, false},
		{"a swap file comes", func() error { return os.WriteFile(filepath.Join(root, ".a.yaml.swp"), nil, 0o600) }, false},
		{"another file comes", func() error { return os.WriteFile(filepath.Join(root, "README"), nil, 0o600) }, false},
		{"a file grows", func() error { return os.WriteFile(a, []byte(manifest("a")+"#"), 0o600) }, true},
		{"a file is replaced by its like", func() error {
			return errors.Join(os.WriteFile(a+".new", []byte(manifest("a")+"#"), 0o600), os.Rename(a+".new", a))
		}, true},
		{"a file's time is set back", func() error { return os.Chtimes(a, time.Time{}, time.Unix(1, 0)) }, true},
		{"a file is renamed", func() error { return os.Rename(a, filepath.Join(root, "c.yaml")) }, true},
		{"a directory is renamed", func() error { return os.Rename(filepath.Join(root, "d"), filepath.Join(root, "e")) }, true},
		{"the tree goes", func() error { return os.Rename(root, root+"-gone") }, true},
		{"it is not there", func() error { return nil }, false},
		{"it returns", func() error { return os.Rename(root+"-gone", root) }, true},
		{"a broken file comes", func() error { return os.WriteFile(a, []byte("{"), 0o600) }, true},
		{"it is corrected", func() error { return os.WriteFile(a, []byte(manifest("a")), 0o600) }, true},
		{"a link to nowhere comes", func() error { return os.Symlink("nowhere", filepath.Join(root, "l.yaml")) }, true},
	} {
		before := version()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if changed := version() != before; changed != step.changes {
			t.Errorf("%s: got changed=%t, want %t", step.name, changed, step.changes)
		}
	}
}

// A file can become something else after the tree was looked at.
func TestManifestThatBecameAFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := manifests.ReadManifestFile(path) // a test that waits for ever shows that it waits for a writer
	checkManifestError(t, err, fmt.Sprintf("%q: is not a regular file", path))
	_, err = manifests.ReadManifestFile(path + ".gone")
	checkManifestError(t, err, "open "+path+".gone: no such file or directory")
}
