package torture_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// witness looks at the snapshot all the time, with eyes of its own and through the library that apps use, and reports what must never
// be. It begins once there is a file: from then on it must never be missing either, unless the test takes it away itself.
type witness struct {
	t        testing.TB
	path     string
	keeps    []string // names that must be there in every file
	report   func(format string, args ...any)
	reader   *targetsfile.Reader
	ctx      context.Context
	cancel   context.CancelFunc
	group    sync.WaitGroup
	mayBeOut bool // the file may be missing, because the test takes it away: what is there afterwards is of a new epoch

	looks, files int
	last         *rawFile
}

// attach starts a witness. Every file must hold the named targets.
func attach(t testing.TB, path string, f *fault, keeps ...string) *witness {
	t.Helper()
	w := &witness{t: t, path: path, keeps: keeps, report: f.violation}
	w.begin()
	return w
}

// attachLoosely is attach for a file that the test takes away now and then.
func attachLoosely(t testing.TB, path string, f *fault, keeps ...string) *witness {
	t.Helper()
	w := &witness{t: t, path: path, keeps: keeps, report: f.violation, mayBeOut: true}
	w.begin()
	return w
}

func (w *witness) begin() {
	w.ctx, w.cancel = context.WithCancel(context.Background())
	var err error
	if w.reader, err = targetsfile.Open(w.ctx, w.path, targetsfile.WithPollInterval(50*time.Millisecond)); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.end)
	var generation uint64
	var epoch string
	w.reader.OnChange(func(c targetsfile.Change) {
		now := c.To.Generation()
		if now < generation && !(w.mayBeOut && c.To.Epoch() != epoch) {
			w.report("the reader went from generation %d back to %d", generation, now)
		}
		generation, epoch = now, c.To.Epoch()
		for _, name := range w.keeps {
			if _, ok := c.To.Get(name); !ok {
				w.report("the reader lost %s in generation %d", name, generation)
			}
		}
	})
	w.group.Go(w.look)
}

// look looks at the file a thousand times a second, and reads it when it is another or has changed, or has not been read for a while: times
// are not exact.
func (w *witness) look() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var before []byte
	var seen unix.Stat_t
	for w.ctx.Err() == nil {
		<-tick.C
		w.looks++
		var now unix.Stat_t
		err := unix.Stat(w.path, &now)
		if err == nil && unchanged(&now, &seen) && w.looks%20 != 0 {
			continue
		}
		seen = now
		var data []byte
		if err == nil {
			data, err = os.ReadFile(w.path)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist) && w.mayBeOut:
			continue
		case err != nil:
			w.report("the snapshot cannot be read: %v", err)
			continue
		}
		if before == nil || !bytes.Equal(data, before) {
			before = data
			w.check(data)
		}
	}
}

// unchanged is true of two looks at a file that nobody has replaced or written into between them, as far as its times tell.
func unchanged(a, b *unix.Stat_t) bool {
	return a.Ino == b.Ino && a.Size == b.Size && a.Mtim == b.Mtim && a.Ctim == b.Ctim
}

func (w *witness) check(data []byte) {
	w.files++
	f, err := parseRaw(data)
	if err != nil {
		w.report("file %d, %d bytes: %v", w.files, len(data), err)
		return
	}
	if name := f.lost(w.keeps); name != "" {
		w.report("generation %d has lost %s", f.Generation, name)
	}
	if w.last != nil && !(w.mayBeOut && f.Epoch != w.last.Epoch) {
		if err := f.follows(w.last); err != nil {
			w.report("file %d: %v", w.files, err)
		}
	}
	w.last = f
}

// end stops the witness. What the library refused counts, too, unless the file was missing and was allowed to be.
func (w *witness) end() {
	if w.ctx.Err() != nil {
		return
	}
	s := w.reader.Status()
	w.cancel()
	w.group.Wait()
	if err := w.reader.Close(); err != nil {
		w.t.Error(err)
	}
	if s.Rejects > 0 && !w.mayBeOut {
		w.report("the reader refused %d files, the last because %v", s.Rejects, s.LastError)
	}
	if !s.Ready || w.files == 0 {
		w.report("the witness saw nothing")
	}
}
