package manifests_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// watch follows a tree until the test ends.
func watch(t *testing.T, m *manifests.Source, resourceVersion string) <-chan source.Event {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	events, done := make(chan source.Event, 100), make(chan error)
	go func() {
		done <- m.Watch(ctx, "ns", resourceVersion, func(e source.Event) { events <- e })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
	if e := <-events; e.Kind != source.Opened || e.ResourceVersion != resourceVersion {
		t.Errorf("got %+v first, want that the watch is open at %s", e, resourceVersion)
	}
	return events
}

func TestWatch(t *testing.T) {
	t.Run("follows on from a listing", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		m := newSource(t, root)
		listing, err := m.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		events := watch(t, m, listing.ResourceVersion)
		write(t, filepath.Join(root, "new", "b.yaml"), manifest("b"))
		checkRelist(t, m, <-events, 2)
		write(t, filepath.Join(root, "new", "b.yaml"), manifest("c"))
		checkRelist(t, m, <-events, 2)
		if err := os.RemoveAll(filepath.Join(root, "new")); err != nil {
			t.Fatal(err)
		}
		checkRelist(t, m, <-events, 1)
		if len(events) > 0 {
			t.Errorf("got %d more events, want one for each change", len(events))
		}
	})
	t.Run("follows on from a failure", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.yaml")
		m := newSource(t, path)
		listing, err := m.List(t.Context(), "")
		if err == nil {
			t.Fatal("got a listing of a missing file, want an error")
		}
		events := watch(t, m, listing.ResourceVersion)
		write(t, path, manifest("a"))
		checkRelist(t, m, <-events, 1)
	})
	t.Run("catches up with what was missed", func(t *testing.T) {
		m := newSource(t, files{"a.yaml": manifest("a")}.write(t))
		checkRelist(t, m, <-watch(t, m, "older"), 1)
	})
}

// checkRelist fails unless e asks for the listing that there is now.
func checkRelist(t *testing.T, m *manifests.Source, e source.Event, secrets int) {
	t.Helper()
	listing, err := m.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != source.Relist || e.Namespace != "ns" || e.ResourceVersion != listing.ResourceVersion || len(listing.Secrets) != secrets {
		t.Errorf("got %+v and %d Secrets, want a Relist to %s and %d", e, len(listing.Secrets), listing.ResourceVersion, secrets)
	}
}

// Each change must make a hint; a poll would find it only seconds later. A test that waits for ever shows that none came.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		name  string
		path  string
		setup func(t *testing.T, root string)
		do    func(root string) error
	}{
		{"a file is written", "", nil, func(root string) error { return os.WriteFile(root+"/d/a.yaml", []byte("x"), 0o600) }},
		{"a file is replaced", "", nil, func(root string) error { return os.Rename(root+"/d/a.yaml", root+"/a.yaml") }},
		{"a file is removed", "", nil, func(root string) error { return os.Remove(root + "/d/a.yaml") }},
		{"a file is made readable", "", nil, func(root string) error { return os.Chmod(root+"/d/a.yaml", 0o640) }},
		{"a directory comes", "", nil, func(root string) error { return os.Mkdir(root+"/e", 0o755) }},
		{"a directory goes", "", nil, func(root string) error { return os.Rename(root+"/d", root+"/../e") }},
		{"the tree goes", "", nil, func(root string) error { return os.Rename(root, root+"-gone") }},
		{"the tree comes", "not", nil, func(root string) error { return os.Mkdir(root+"/not", 0o755) }},
		{"the only file is written", "d/a.yaml", nil, func(root string) error { return os.WriteFile(root+"/d/a.yaml", []byte("x"), 0o600) }},
		{"the only file is replaced", "d/a.yaml", nil, func(root string) error {
			return errors.Join(os.WriteFile(root+"/x", nil, 0o600), os.Rename(root+"/x", root+"/d/a.yaml"))
		}},
		{"the target of the only link is written", "link.yaml",
			func(t *testing.T, root string) { link(t, "d/a.yaml", root+"/link.yaml") },
			func(root string) error { return os.WriteFile(root+"/d/a.yaml", []byte("x"), 0o600) }},
		{"the target of a link is written", "in",
			func(t *testing.T, root string) {
				write(t, root+"/in/b.yaml", manifest("b"))
				link(t, "../d/a.yaml", root+"/in/a.yaml")
			},
			func(root string) error { return os.WriteFile(root+"/d/a.yaml", []byte("x"), 0o600) }},
		{"a mounted ConfigMap is updated", "in",
			func(t *testing.T, root string) {
				write(t, root+"/in/..1/a.yaml", manifest("a"))
				link(t, "..1", root+"/in/..data")
				link(t, "..data/a.yaml", root+"/in/a.yaml")
			},
			func(root string) error {
				return errors.Join(os.Symlink("..2", root+"/in/..tmp"), os.Rename(root+"/in/..tmp", root+"/in/..data"))
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := filepath.Join(files{"root/d/a.yaml": manifest("a")}.write(t), "root")
			if tt.setup != nil {
				tt.setup(t, root)
			}
			h := newSource(t, filepath.Join(root, tt.path)).Hints()
			defer h.Close()
			before, hinted := h.Look(t.Context())
			if !hinted {
				t.Fatal("got nothing watched, want the tree's directories")
			}
			if err := tt.do(root); err != nil {
				t.Fatal(err)
			}
			<-h.C
			for range 100 { // the first event may come before the change is whole
				if after, _ := h.Look(t.Context()); after != before {
					return
				}
				<-h.C
			}
		})
	}
}

// What is watched must follow the tree, also where a directory takes the place, and perhaps the inode number, of another.
func TestHintsAfterDirectoriesChanged(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, root string){
		"a directory is added": func(t *testing.T, root string) { write(t, root+"/e/b.yaml", manifest("b")) },
		"a directory is replaced": func(t *testing.T, root string) {
			if err := os.RemoveAll(root + "/e"); err != nil {
				t.Fatal(err)
			}
			write(t, root+"/e/b.yaml", manifest("b"))
		},
		"a directory is moved away and back": func(t *testing.T, root string) { // the kernel's watch stays, fsnotify's does not
			if err := errors.Join(os.Rename(root+"/e", root+"/f"), os.Rename(root+"/f", root+"/e")); err != nil {
				t.Fatal(err)
			}
		},
		"the tree is replaced": func(t *testing.T, root string) {
			if err := os.Rename(root, root+"-gone"); err != nil {
				t.Fatal(err)
			}
			write(t, root+"/e/b.yaml", manifest("b"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(files{"root/e/a.yaml": manifest("a")}.write(t), "root")
			h := newSource(t, root).Hints()
			defer h.Close()
			h.Look(t.Context())
			replace(t, root)
			<-h.C
			lookUntilWatched(t, h)
			write(t, root+"/e/b.yaml", manifest("c"))
			<-h.C
		})
	}
}

func TestHintsOnTheWayToThePath(t *testing.T) {
	root := t.TempDir()
	h := newSource(t, root+"/not/yet/there.yaml").Hints()
	defer h.Close()
	h.Look(t.Context())
	if err := os.Mkdir(root+"/not", 0o755); err != nil {
		t.Fatal(err)
	}
	<-h.C
	lookUntilWatched(t, h)
	write(t, root+"/not/yet/there.yaml", manifest("a"))
	<-h.C
}

// lookUntilWatched has what is there now watched, and drops the hints that led to it.
func lookUntilWatched(t *testing.T, h *manifests.Hints) {
	t.Helper()
	for {
		_, watched := h.Look(t.Context())
		select {
		case <-h.C:
		default:
			if watched {
				return
			}
		}
	}
}

// Out of file descriptors there is no fsnotify; stat still works.
func TestWatchWithoutFsnotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	m := newSource(t, path)
	h := m.Hints()
	defer h.Close()
	exhaustFiles(t)

	before, hinted := h.Look(t.Context())
	if hinted {
		t.Fatal("got hints promised, want none without a descriptor")
	}
	events := watch(t, m, before)
	if _, err := file.WriteString(manifest("a")); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Kind != source.Relist || e.ResourceVersion == before {
		t.Errorf("got %+v, want a Relist to another version than %s", e, before)
	}
}

// exhaustFiles takes every file descriptor until the test ends.
func exhaustFiles(t *testing.T) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	t.Cleanup(func() {
		for _, f := range taken {
			_ = f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	})
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return
		}
		taken = append(taken, f)
	}
}
