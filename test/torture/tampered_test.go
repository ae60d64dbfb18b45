package torture_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// beat is how long the sidecar may take to find out what is at the path: its heartbeat, and a little for a busy machine.
const beat = 15 * time.Second

// tampering is what somebody who may write to the volume does to the file.
type tampering struct {
	name    string
	because string // how the metric counts it
	spoil   func(path string, genuine *targetsfile.Document) error
}

func tamperings(t *testing.T) []tampering {
	forge := func(path string, d *targetsfile.Document) error {
		d.Generation = 1_000_000
		evil := d.Entries[0].Target
		evil.URL = "https://evil.example/666"
		d.Entries = []*targetsfile.Entry{entry(evil)}
		putDocument(t, path, d)
		return nil
	}
	return []tampering{
		{"deleted", "gone", func(path string, _ *targetsfile.Document) error { return os.Remove(path) }},
		{"replaced", "foreign", forge},
		{"replaced and deleted", "gone", func(path string, d *targetsfile.Document) error {
			err := forge(path, d)
			time.Sleep(500 * time.Millisecond) // the reader reads it
			return errors.Join(err, os.Remove(path))
		}},
		{"chmod 000", "gone", func(path string, _ *targetsfile.Document) error { return os.Chmod(path, 0) }},
		{"truncated", "foreign", func(path string, _ *targetsfile.Document) error { return os.Truncate(path, 100) }},
		{"emptied", "foreign", func(path string, _ *targetsfile.Document) error { return os.Truncate(path, 0) }},
		{"replaced by 60 MiB", "foreign", func(path string, _ *targetsfile.Document) error {
			return os.WriteFile(path, []byte(`{"schema_version":1,"x":"`+noise(60<<20)+`"}`), 0o640) // #nosec G306 -- the snapshot's mode
		}},
		{"replaced by a pipe", "foreign", func(path string, _ *targetsfile.Document) error {
			return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o640))
		}},
		{"replaced by a link", "foreign", func(path string, _ *targetsfile.Document) error {
			return errors.Join(os.Remove(path), os.Symlink("/dev/zero", path))
		}},
	}
}

// TestTamperedFile does something to the file under a running sidecar and a reader, in a pod's memory.
func TestTamperedFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 1)
	kubeconfig, all := w.kubeconfig(), tamperings(t)
	f := begin(t, &fault{Area: "disk", Name: "the file is tampered with",
		Made: "under a running sidecar and a Reader the file is deleted, truncated, made unreadable, replaced by a forgery with generation 1 000 000 in the epoch, which goes again or stays, " +
			"by 60 MiB, a pipe, a link to /dev/zero; 64 MiB of memory",
		Holds: "within a heartbeat the genuine file is back, told in one line and counted; readyz says so; the Reader has the genuine target"})
	t.Run("each", func(t *testing.T) {
		for _, c := range all[:times(len(all), 4)] {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				pod, path := newPod(t), filepath.Join(t.TempDir(), "targets.json")
				p := sidecar.StartBinary(t, pod.program, path, "--kubeconfig", kubeconfig)
				p.Until("publishes", func() error { return succeeded(p) })
				reader, err := targetsfile.Open(t.Context(), path, targetsfile.WithPollInterval(50*time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = reader.Close() }()
				for n := range times(5, 1) {
					if err := c.spoil(path, p.Document()); err != nil {
						t.Fatal(err)
					}
					waitFor(t, beat, "the file is back", func() error { return restored(p, reader, c.because, n+1) })
					f.run()
				}
				lines := len(p.Logs("the snapshot was removed or its mode was changed, it is written again")) +
					len(p.Logs("somebody else wrote the snapshot, it is replaced in a new epoch"))
				if lines < 1 || lines > times(5, 1) { // of forgeries one after the other, the first is told
					f.violation("%s: %d lines tell of it", c.name, lines)
				}
				pod.peak(t, f, p)
			})
		}
	})
}

// restored fails until the file is the sidecar's, readable, counted and read.
func restored(p *sidecar.Process, reader *targetsfile.Reader, because string, count int) error {
	if n := p.Metric("publishing_snapshot_missing_total", "because", because); n != float64(count) {
		return fmt.Errorf("it is counted %.0f times, want %d", n, count)
	}
	if code, body := p.Do("GET", "/readyz"); code != 200 {
		return fmt.Errorf("readyz answers %d: %s", code, body)
	}
	info, err := os.Lstat(p.Path)
	if err != nil || info.Mode() != 0o640 {
		return fmt.Errorf("the file: %v, %w", info, err)
	}
	return reads(reader, "a", 1)
}

// TestGoneAndNotToBeWritten takes the file and the right to write another from a sidecar that is not root.
func TestGoneAndNotToBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "disk", Name: "gone, and not to be written", Made: "the file is deleted and its directory made read-only under a sidecar that is not root; then writable again",
		Holds: "readyz answers 503 within a heartbeat, with the cause; then the file is back and readyz says so"})
	binary := unprivileged(t, releaseBinary(t))
	w.path = filepath.Join(openTempDir(t), "targets.json")
	kubeconfig := filepath.Join(openTempDir(t), "kubeconfig")
	copyFile(t, w.kubeconfig(), kubeconfig)
	give(t, kubeconfig)
	d := &diskWorld{world: w, f: f}
	d.start(binary, kubeconfig)
	dir := filepath.Dir(w.path)
	ready := func(want int) func() error {
		return func() error {
			if code, body := d.p.Do("GET", "/readyz"); code != want {
				return fmt.Errorf("readyz answers %d: %s", code, body)
			}
			return nil
		}
	}
	for range times(5, 1) {
		if err := errors.Join(os.Remove(w.path), os.Chmod(dir, 0o555)); err != nil {
			t.Fatal(err)
		}
		waitFor(t, beat, "readyz says that the file is gone", ready(503))
		if s := d.p.Status(); s.Error == "" || s.Hint == "" {
			f.violation("the status does not say why: %q, hint %q", s.Error, s.Hint)
		}
		if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- as a volume is
			t.Fatal(err)
		}
		waitFor(t, time.Minute, "readyz says that the file is back", ready(200))
		if err := d.shows(0); err != nil {
			f.violation("ready, but %v", err)
		}
		f.run()
	}
}

// TestTwoSidecarsOnOnePath has them undo each other's files.
func TestTwoSidecarsOnOnePath(t *testing.T) {
	patient(t, "a few heartbeats of both take two minutes")
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 1)
	kubeconfig := w.kubeconfig()
	f := begin(t, &fault{Area: "disk", Name: "two sidecars on one path", Made: "a second sidecar is started on the path of the first, for two minutes",
		Holds: "each tells so in one line with what to look for, and counts it; the file is whole, the target is there and the Reader has it all the while"})
	first := sidecar.StartBinary(t, releaseBinary(t), w.path, "--kubeconfig", kubeconfig)
	first.Until("publishes", func() error { return succeeded(first) })
	witness := attachLoosely(t, w.path, f, "a")
	second := sidecar.StartBinary(t, releaseBinary(t), w.path, "--kubeconfig", kubeconfig)
	second.Until("publishes", func() error { return succeeded(second) })
	time.Sleep(2*time.Minute)
	for _, p := range []*sidecar.Process{first, second} {
		lines := p.Logs("somebody else wrote the snapshot, it is replaced in a new epoch")
		if count := p.Metric("publishing_snapshot_missing_total", "because", "foreign"); len(lines) != 1 || lines[0]["hint"] == "" || count < 2 {
			f.violation("%d lines tell of it, it is counted %.0f times", len(lines), count)
		}
		expectReady(f, p)
		f.run()
	}
	witness.end()
}
