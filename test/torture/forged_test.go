package torture_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// forgery is a valid snapshot that the sidecar did not write, in the place of one that it did.
type forgery struct {
	name      string
	forge     func(d *targetsfile.Document)
	inherited bool // the sidecar could have written it
}

func forgeries(namespace string) []forgery {
	target := func(change func(t *targetsfile.Target)) func(d *targetsfile.Document) {
		return func(d *targetsfile.Document) {
			t := d.Entries[0].Target
			change(&t)
			d.Entries[0] = entry(t)
		}
	}
	return []forgery{
		{"far generation", func(d *targetsfile.Document) { d.Generation = 1_000_000 }, true},
		{"last generation", func(d *targetsfile.Document) { d.Generation = math.MaxUint64 }, false},
		{"long epoch", func(d *targetsfile.Document) { d.Epoch = strings.Repeat("evil", 50_000) }, false},
		{"unknown type", target(func(t *targetsfile.Target) { t.Type = "evil" }), false},
		{"unknown format", target(func(t *targetsfile.Target) { t.PayloadFormat = "evil" }), false},
		{"unwatched namespace", target(func(t *targetsfile.Target) { t.Secret = "kube-system/evil" }), false},
		{"4 000 types", func(d *targetsfile.Document) { many(d, namespace, 4000, func(i int) string { return fmt.Sprintf("evil-%d", i) }) }, false},
		{"unknown reasons", func(d *targetsfile.Document) {
			for i := range 1000 {
				d.Rejections = append(d.Rejections, targetsfile.Rejection{Secret: fmt.Sprintf("%s/x-%05d", namespace, i), Reason: fmt.Sprintf("evil-%d", i), Serving: "evil"})
			}
			d.Discovered, d.Invalid = d.Discovered+1000, 1000
		}, false},
		{"as many targets as are read", func(d *targetsfile.Document) { many(d, namespace, 7000, func(int) string { return "webhook" }) }, true},
		{"15 MiB of tiny targets", func(d *targetsfile.Document) { many(d, namespace, 90_000, func(int) string { return "webhook" }) }, false},
	}
}

// many replaces the document's targets by small ones.
func many(d *targetsfile.Document, namespace string, count int, typ func(i int) string) {
	d.Entries = nil
	for i := range count {
		d.Entries = append(d.Entries, entry(targetsfile.Target{Name: fmt.Sprintf("evil-%05d", i), Type: typ(i), URL: "http://evil.example", PayloadFormat: "webhook",
			Secret: fmt.Sprintf("%s/evil-%05d", namespace, i)}))
	}
	d.Discovered, d.Valid = count, count
}

func entry(t targetsfile.Target) *targetsfile.Entry {
	e, err := targetsfile.NewEntry(t)
	if err != nil {
		panic(err) // its values are JSON
	}
	return e
}

// putDocument puts a snapshot in place as somebody else who may write to the volume does: with another file of the same mode.
func putDocument(t *testing.T, path string, d *targetsfile.Document) {
	t.Helper()
	file, err := os.CreateTemp(filepath.Dir(path), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.WriteFile(file)
	if err = errors.Join(err, file.Chmod(0o640), file.Close(), os.Rename(file.Name(), path)); err != nil {
		t.Fatal(err)
	}
}

// TestForgedFilesAtStart has an app read a forgery, and a sidecar start on it, in a pod's memory.
func TestForgedFilesAtStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	f := begin(t, &fault{Area: "disk", Name: "forged snapshots at start",
		Made: "a valid file that the sidecar did not write is in place at two starts, and an app has read it: generation 1 000 000 in the epoch, 2^64-1, an epoch of 200 kB, " +
			"4 000 unknown types, 1 000 unknown reasons, another format, a namespace that is not watched, 7 000 and 90 000 tiny targets; 64 MiB of memory",
		Holds: "the sidecar is not killed; what no sidecar wrote begins a new epoch, told by its rule, and gives no metric series; the app's Reader follows the genuine targets"})
	w.webhook("a", 0)
	kubeconfig, highest := w.kubeconfig(), 0.0
	for i, c := range forgeries(w.namespace) {
		t.Run(c.name, func(t *testing.T) {
			pod, path := newPod(t), filepath.Join(t.TempDir(), "targets.json")
			start := func() *sidecar.Process {
				return sidecar.StartBinary(t, pod.program, path, "--kubeconfig", kubeconfig, "--startup-backoff", "1s")
			}
			p := start()
			p.Until("publishes", func() error { return succeeded(p) })
			for n := range times(4, 2) {
				p.Kill()
				d := p.Document()
				c.forge(d)
				putDocument(t, path, d)
				reader, err := targetsfile.Open(t.Context(), path, targetsfile.WithPollInterval(50*time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = reader.Close() }()
				p = start()
				p.Until("publishes", func() error { return succeeded(p) })
				number := 100*i + n + 1
				w.webhook("a", number)
				p.Until("is followed by the reader", func() error { return reads(reader, "a", number) })
				expectForgotten(f, p, c, d.Epoch)
				f.run()
			}
			highest = max(highest, pod.peak(t, f, p))
		})
	}
	f.figure("peak %.0f of %d MiB", highest, podMemory)
}

// reads fails until a reader has the target of that number, and nothing else.
func reads(reader *targetsfile.Reader, name string, number int) error {
	target, err := reader.Get(name)
	if err != nil || !strings.HasSuffix(target.URL, fmt.Sprint("/", number)) || reader.Snapshot().Len() != 1 {
		return fmt.Errorf("the reader has %d targets, %v, %w, its last fault is %w", reader.Snapshot().Len(), target, err, reader.Status().LastError)
	}
	return nil
}

// expectForgotten checks what is left of a forgery.
func expectForgotten(f *fault, p *sidecar.Process, c forgery, epoch string) {
	f.t.Helper()
	d := p.Document()
	if _, err := uuid.Parse(d.Epoch); err != nil || (d.Epoch == epoch) != c.inherited {
		f.violation("%s: the epoch %.40q goes on: %t", c.name, d.Epoch, d.Epoch == epoch)
	}
	told := p.Logs("the snapshot in place is not usable, starting a new epoch; it stays until the first publication")
	if len(told) != 1 && !c.inherited || len(told) > 0 && c.inherited {
		f.violation("%s: it is told %d times", c.name, len(told))
	}
	if _, text := p.Do("GET", "/metrics"); strings.Contains(text, "evil") {
		f.violation("%s: it gave metric series", c.name)
	}
	if _, text := p.Do("GET", "/api/v2/publishing/targets/status"); strings.Contains(text, "evil") {
		f.violation("%s: the status speaks of it", c.name)
	}
}
