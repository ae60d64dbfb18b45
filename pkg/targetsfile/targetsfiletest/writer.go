package targetsfiletest

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// forever is how long a written snapshot is fresh: no test wants one that goes stale by itself.
const forever = 100 * 365 * 24 * time.Hour

// WriteSnapshot puts one file with these targets at path, as a [Writer] does.
func WriteSnapshot(t testing.TB, path string, targets ...targetsfile.Target) {
	t.Helper()
	NewWriter(t, path).Publish(targets...)
}

// Writer publishes snapshots at one path like the sidecar: each file replaces the one before it in one step, and its generation rises
// when its targets are others. It is for one goroutine.
type Writer struct {
	t    testing.TB
	path string
	last *targetsfile.Document // nil before the first

	disabled map[string]bool // by name
}

// NewWriter returns a writer that goes on from the file at path if there is a valid one. The directory must exist.
func NewWriter(t testing.TB, path string) *Writer {
	t.Helper()
	last, err := targetsfile.ReadFile(path)
	if err != nil {
		last = nil // as the sidecar: a new epoch
	}
	return &Writer{t: t, path: path, last: last, disabled: map[string]bool{}}
}

// Path returns where the writer publishes.
func (w *Writer) Path() string { return w.path }

// Disable makes targets of these names disabled in what is published from now on, as "enabled: false" in their Secrets does.
func (w *Writer) Disable(names ...string) {
	for _, name := range names {
		w.disabled[name] = true
	}
}

// Publish writes a snapshot of these targets, in any order, and returns its generation. A target needs Name, Type and URL. As the sidecar
// does, it fills in the rest: Enabled becomes true, whatever it was, unless [Writer.Disable] named the target; an empty PayloadFormat
// becomes the Type, an empty FilterConfig "{}", and an empty Secret "test/" and the name. A target that no sidecar publishes, such as one
// of another type or with a URL that cannot be posted to, ends the test.
func (w *Writer) Publish(targets ...targetsfile.Target) (generation uint64) {
	w.t.Helper()
	entries := w.entries(targets)
	now := time.Now()
	doc := &targetsfile.Document{
		Epoch: newEpoch(), Generation: 1, Checksum: targetsfile.Checksum(entries),
		ChangedAt: now, RefreshedAt: now, StaleAfter: now.Add(forever),
		Source:     targetsfile.Source{Kind: targetsfile.SourceManifests, Path: w.t.Name()},
		Discovered: len(entries), Valid: len(entries), Entries: entries,
	}
	if w.last != nil {
		doc.Epoch, doc.Generation, doc.ChangedAt = w.last.Epoch, w.last.Generation, w.last.ChangedAt
		if doc.Checksum != w.last.Checksum {
			doc.Generation, doc.ChangedAt = doc.Generation+1, now
		}
	}
	w.write(doc)
	return doc.Generation
}

// Heartbeat writes the last targets again, seen now: a refresh that found nothing new.
func (w *Writer) Heartbeat() {
	w.t.Helper()
	w.again(func(doc *targetsfile.Document) {
		doc.RefreshedAt = time.Now()
		doc.StaleAfter = doc.RefreshedAt.Add(forever)
	})
}

// Stale writes the last targets again as if nothing had vouched for them since now.
func (w *Writer) Stale() {
	w.t.Helper()
	w.again(func(doc *targetsfile.Document) { doc.StaleAfter = time.Now() })
}

// NewEpoch makes the next snapshot the first of a new epoch: the sidecar has lost its file.
func (w *Writer) NewEpoch() { w.last = nil }

func (w *Writer) again(change func(*targetsfile.Document)) {
	w.t.Helper()
	if w.last == nil {
		w.t.Fatal("targetsfiletest: nothing was published yet")
	}
	doc := *w.last
	change(&doc)
	w.write(&doc)
}

func (w *Writer) entries(targets []targetsfile.Target) []*targetsfile.Entry {
	w.t.Helper()
	entries := make([]*targetsfile.Entry, 0, len(targets))
	for _, target := range targets {
		if target.PayloadFormat == "" {
			target.PayloadFormat = target.Type
		}
		if target.Secret == "" {
			target.Secret = "test/" + target.Name
		}
		target.Enabled = !w.disabled[target.Name]
		entry, err := targetsfile.NewEntry(target)
		if err != nil {
			w.t.Fatalf("targetsfiletest: encoding target %s: %v", target.Name, err)
		}
		if err := published(entry.Target, entry.Size()); err != nil {
			w.t.Fatalf("targetsfiletest: no sidecar publishes the target %q: %v", target.Name, err)
		}
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b *targetsfile.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

// write replaces the file by doc, and sees to it that a reader takes it.
func (w *Writer) write(doc *targetsfile.Document) {
	w.t.Helper()
	temp, err := os.CreateTemp(filepath.Dir(w.path), "."+filepath.Base(w.path)+"*")
	if err != nil {
		w.t.Fatalf("targetsfiletest: %v", err)
	}
	defer os.Remove(temp.Name()) // fails when all went well
	_, err = doc.WriteTo(temp)
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		_, err = targetsfile.ReadFile(temp.Name()) // names that are there twice
	}
	if err == nil {
		err = os.Rename(temp.Name(), w.path)
	}
	if err != nil {
		w.t.Fatalf("targetsfiletest: writing a snapshot: %v", err)
	}
	w.last = doc
}

// newEpoch returns a random UUID.
func newEpoch() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
