package writer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"

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

// Read returns the document in place and its size in bytes, for a process that goes on from there. A file that would take more than half of
// the memory limit (GOMEMLIMIT) to hold is refused before it is decoded.
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
	w.inPlace = identify(info)
	return d, info.Size(), nil
}

// What reading a snapshot keeps in memory beside the bytes themselves, at most: for each object, such as a target, and for each member or
// item of one. Objects and members are counted by the characters that begin or divide them, because whoever forges a file need not write
// a line per target.
const (
	memoryPerObject = 512
	memoryPerMember = 96
)

// fitsMemory estimates what a snapshot takes in memory, its bytes counted twice, since they are there twice while it is read.
func fitsMemory(path string, limit int64) error {
	file, err := open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	need := int64(0)
	for buffer := make([]byte, 64<<10); need <= limit; {
		n, err := file.Read(buffer)
		need += 2*int64(n) + memoryPerObject*int64(bytes.Count(buffer[:n], []byte("{"))) + memoryPerMember*int64(bytes.Count(buffer[:n], []byte(",")))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s would take more than %d MiB of memory, half of GOMEMLIMIT: give the container more, or remove the file", path, limit>>20)
}

// open opens a file to read it, without waiting for a writer should it be a pipe.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // #nosec G304 -- the operator names the path
}

// Check reports whether d, which was read or published last, is still in place, and if it is not, whether something else is. A file with
// another mode is not in place. The content is read only if the file's inode, size or times have changed since, and only up to the first byte that
// differs from d, because a file that somebody else wrote may be of any size.
func (w *Writer) Check(d *targetsfile.Document) (intact, foreign bool, err error) {
	info, err := os.Lstat(w.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("checking the snapshot in place: %w", w.explain(err))
	case identify(info) == w.inPlace:
		return true, false, nil
	case !info.Mode().IsRegular() || !holds(w.path, d):
		return false, true, nil
	case info.Mode() != w.mode:
		return false, false, nil
	}
	w.inPlace = identify(info) // a copy, or it was touched
	return true, false, nil
}

// holds reports whether a file has the bytes of a document. It is false for a file that cannot be read.
func holds(path string, d *targetsfile.Document) bool {
	file, err := open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	if _, err := d.WriteTo(&comparison{with: file}); err != nil {
		return false
	}
	_, err = file.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// comparison is a writer that fails once it is given other bytes than it reads.
type comparison struct {
	with   io.Reader
	buffer []byte
}

var errDiffers = errors.New("the bytes differ")

// Write implements io.Writer.
func (c *comparison) Write(p []byte) (int, error) {
	c.buffer = append(c.buffer[:0], p...) // of the same length; the content is overwritten
	if _, err := io.ReadFull(c.with, c.buffer); err != nil {
		return 0, err
	}
	if !bytes.Equal(p, c.buffer) {
		return 0, errDiffers
	}
	return len(p), nil
}
