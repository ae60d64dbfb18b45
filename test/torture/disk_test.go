package torture_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// diskWorld is a world whose snapshot lies on a small tmpfs of its own, as an emptyDir in memory is one.
type diskWorld struct {
	*world
	p *sidecar.Process
	f *fault
	n int // the number of the last webhook
}

const diskOptions = "size=256k,nr_inodes=20,mode=0755"

func newDiskWorld(t *testing.T, f *fault) *diskWorld {
	t.Helper()
	w := newWorld(t, controlplane.Get(t))
	dir := filepath.Dir(w.path)
	mount(t, dir, 0, diskOptions)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	w.webhook("a", 0)
	w.webhook("b", 0)
	d := &diskWorld{world: w, f: begin(t, f)}
	d.start(releaseBinary(t), w.kubeconfig())
	return d
}

// start runs a sidecar with the default schedule, so that whatever it publishes after the first time comes without a LIST.
func (d *diskWorld) start(binary, kubeconfig string) {
	d.t.Helper()
	d.p = sidecar.StartBinary(d.t, binary, d.path, "--kubeconfig", kubeconfig, "--startup-backoff", "1s")
	d.p.Until("publishes", func() error { return d.shows(0) })
	d.p.Until("follows", func() error { return following(d.p) })
}

// shows fails until the snapshot has the n-th content of target a.
func (d *diskWorld) shows(n int) error {
	f := readRaw(d.t, d.path)
	if f == nil {
		return errors.New("there is no snapshot")
	}
	if got := f.numbers["a"]; got != n {
		return fmt.Errorf("a is at %d, want %d", got, n)
	}
	return nil
}

// survives changes a Secret while the disk is broken, expects the old snapshot and the news of the fault, mends the disk and expects
// the new content.
func (d *diskWorld) survives(spoil, mend func()) {
	d.t.Helper()
	spoil()
	d.n++
	d.webhook("a", d.n)
	d.p.Until("says that it cannot write", func() error {
		if s := d.p.Status(); !strings.Contains(s.Error, "writing snapshot") || s.Hint == "" {
			return fmt.Errorf("error %q, hint %q", s.Error, s.Hint)
		}
		return nil
	})
	if d.p.Metric("publishing_snapshot_publications_total", "result", "failed") == 0 {
		d.f.violation("no failed publication is counted")
	}
	expectReady(d.f, d.p) // the good snapshot is in place
	mend()
	d.p.Until("publishes what it owes", func() error { return d.shows(d.n) })
	d.p.Until("is well again", func() error {
		if s := d.p.Status(); s.State != "success" || s.Error != "" {
			return fmt.Errorf("status %s: %s", s.State, s.Error)
		}
		return nil
	})
	if lists := d.p.Metric("publishing_refresh_total"); lists != 1 {
		d.f.violation("%.0f refreshes, want the first one only", lists)
	}
	d.expectNothingLeft()
	d.f.run()
}

func (d *diskWorld) expectNothingLeft() {
	d.t.Helper()
	d.p.Until("leaves nothing beside the snapshot", func() error {
		left, err := leftovers(d.path)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%v", left)
		}
		return err
	})
}

func TestDisk(t *testing.T) {
	t.Parallel()
	if !inMountNamespace(t) {
		return
	}
	const then = "the old snapshot stays whole, status and metrics say why, ready and alive all the while; then the new one is published without a LIST"
	for _, c := range []struct {
		name, made  string
		spoil, mend func(t *testing.T, dir string)
	}{
		{"full", "a ballast file takes the last byte of a 256 KiB tmpfs, while a Secret changes; then it goes",
			func(t *testing.T, dir string) { fill(t, filepath.Join(dir, ".ballast")) }, func(t *testing.T, dir string) { remove(t, filepath.Join(dir, ".ballast")) }},
		{"no inode left", "empty files take the last inode of the tmpfs, while a Secret changes; then they go",
			func(t *testing.T, dir string) { exhaust(t, filepath.Join(dir, ".many")) }, func(t *testing.T, dir string) { remove(t, filepath.Join(dir, ".many")) }},
		{"remounted read-only", "mount -o remount,ro, while a Secret changes; then rw",
			func(t *testing.T, dir string) { mount(t, dir, syscall.MS_REMOUNT|syscall.MS_RDONLY, diskOptions) },
			func(t *testing.T, dir string) { mount(t, dir, syscall.MS_REMOUNT, diskOptions) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDiskWorld(t, &fault{Area: "disk", Name: c.name, Made: c.made, Holds: then})
			witness := attach(t, d.path, d.f, "a", "b")
			dir := filepath.Dir(d.path)
			for range times(20, 1) {
				d.survives(func() { c.spoil(t, dir) }, func() { c.mend(t, dir) })
			}
			witness.end()
		})
	}
}

// fill writes a file until nothing more fits. The sidecar's own temp file may come and go meanwhile, so fill goes on until the disk stays full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600) // #nosec G304 -- the test's own file
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for size := 4096; size > 0; {
		if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// exhaust makes files until there is no inode for another.
func exhaust(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600)
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// remove removes a directory into which the sidecar may be writing.
func remove(t *testing.T, path string) {
	t.Helper()
	err := os.RemoveAll(path)
	for tries := 0; errors.Is(err, syscall.ENOTEMPTY) && tries < 100; tries++ {
		err = os.RemoveAll(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}
