package writer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// identity tells one state of a file from another without reading it. The change time is the one that no tool sets back.
type identity struct {
	device, inode uint64
	size          int64
	mode          os.FileMode
	changed       syscall.Timespec
}

func identify(info os.FileInfo) identity {
	id := identity{size: info.Size(), mode: info.Mode()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		id.device, id.inode, id.changed = stat.Dev, stat.Ino, stat.Ctim
	}
	return id
}

// document is all that a file holds but its targets, for which the checksum stands.
type document struct {
	facts
	source     targetsfile.Source
	rejections []targetsfile.Rejection
}

type facts struct {
	epoch, checksum                    string
	generation                         uint64
	changedAt, refreshedAt, staleAfter time.Time
	discovered, valid, invalid         int
}

func outline(d *targetsfile.Document) *document {
	return &document{
		facts: facts{
			epoch: d.Epoch, checksum: d.Checksum, generation: d.Generation,
			changedAt: d.ChangedAt.UTC(), refreshedAt: d.RefreshedAt.UTC(), staleAfter: d.StaleAfter.UTC(),
			discovered: d.Discovered, valid: d.Valid, invalid: d.Invalid,
		},
		source: d.Source, rejections: d.Rejections,
	}
}

func (d *document) equal(o *document) bool {
	return d.facts == o.facts && d.source.Equal(o.source) && slices.Equal(d.rejections, o.rejections)
}

// Read returns the document in place and its size in bytes, for a process that goes on from there. A later Check compares with it. A file
// that would take more than half of the memory limit (GOMEMLIMIT) to hold is refused before it is decoded.
func (w *Writer) Read() (*targetsfile.Document, int64, error) {
	info, err := os.Lstat(w.path)
	if err == nil && info.Mode().IsRegular() {
		if err := fitsMemory(w.path, debug.SetMemoryLimit(-1)/2); err != nil {
			return nil, 0, fmt.Errorf("reading the snapshot in place: %w", err)
		}
	}
	d, err := targetsfile.ReadFile(w.path)
	if err != nil {
		return nil, 0, err
	}
	w.inPlace, w.content = identify(info), outline(d)
	return d, info.Size(), nil
}

// fitsMemory estimates what a snapshot takes in memory: its bytes twice, while it is read, and a kilobyte for each line, of which there is
// one per target.
func fitsMemory(path string, limit int64) error {
	file, err := os.Open(path) // #nosec G304 -- the operator names the path
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	need := int64(0)
	for buffer := make([]byte, 64<<10); need <= limit; {
		n, err := file.Read(buffer)
		need += 2*int64(n) + int64(bytes.Count(buffer[:n], []byte("\n")))<<10
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s would take more than %d MiB of memory, half of GOMEMLIMIT: give the container more, or remove the file", path, limit>>20)
}

// Check reports whether the file that was read or published last is still in place, and if it is not, whether something else is. While
// none was, it is intact. A file with another mode is not in place. The file is read only if something about it has changed.
func (w *Writer) Check() (intact, foreign bool, err error) {
	if w.content == nil {
		return true, false, nil
	}
	info, err := os.Lstat(w.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("checking the snapshot in place: %w", w.explain(err))
	case identify(info) == w.inPlace:
		return true, false, nil
	}
	if info.Size() != w.inPlace.size { // it is not read: it can be larger than what memory holds
		return false, true, nil
	}
	d, err := targetsfile.ReadFile(w.path)
	switch {
	case err != nil || !outline(d).equal(w.content):
		return false, true, nil
	case info.Mode() != w.mode:
		return false, false, nil
	}
	w.inPlace = identify(info) // a copy of it, or it was touched
	return true, false, nil
}
