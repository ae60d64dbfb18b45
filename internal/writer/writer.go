// Package writer replaces one file on disk, whole or not at all.
//
// A reader that opens the path at any moment sees the document before a [Writer.Publish] or the one after it, never a part, an empty
// file or none. The document is written beside the path, synced and renamed over it; a write that fails at any point (disk full,
// read-only, killed) leaves the old file as it was, and nothing beside it. What a killed process leaves, [Writer.Sweep] removes.
//
// Not promised: that the last document survives a crash of the node. The directory is not synced, because the emptyDir this is made
// for does not outlive its pod. And nothing keeps others from writing to the path: [Writer.Check] finds out that they did.
package writer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/google/renameio/v2"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Writer publishes documents to one path. Its methods must not be called concurrently.
type Writer struct {
	path string
	mode os.FileMode

	encoder targetsfile.Encoder
	stuck   []string // temporary files that could not be removed
	inPlace identity // of the file that was read or published last
}

// New returns a writer of the file at path, which will have exactly mode, whatever the umask. The directory must exist when
// something is written; it is not created, so that a volume that is not mounted is an error and not a file in the image.
func New(path string, mode os.FileMode) *Writer {
	return &Writer{path: filepath.Clean(path), mode: mode.Perm()}
}

// Publish replaces the file by d, whose Checksum it sets, and returns its size in bytes.
func (w *Writer) Publish(d *targetsfile.Document) (int64, error) {
	size := int64(0)
	info, err := w.replace(w.path, func(f *renameio.PendingFile) (err error) {
		size, err = w.encoder.WriteFile(d, f)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("writing snapshot: %w", w.explain(err))
	}
	w.inPlace = identify(info)
	return size, nil
}

// replace replaces the file at path by what fill writes, and returns what the file system says of the new file.
func (w *Writer) replace(path string, fill func(*renameio.PendingFile) error) (info os.FileInfo, err error) {
	if err := w.unstick(); err != nil {
		return nil, err
	}
	// renameio.WriteFile would keep the mode of the file that is there, and without WithTempDir each write drops probe files into the
	// directory that readers watch. WithStaticPermissions leaves file and descriptor behind where chmod is refused.
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return nil, err
	}
	defer func() { w.discard(file, err != nil) }()
	if err := file.Chmod(w.mode); err != nil {
		return nil, err
	}
	if err := fill(file); err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if got := info.Mode().Perm(); got != w.mode {
		return nil, &modeError{want: w.mode, got: got}
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return nil, err
	}
	// The rename has changed the change time. Where another file stands at the path already, Check is to find that out.
	if renamed, err := os.Lstat(path); err == nil && os.SameFile(info, renamed) {
		info = renamed
	}
	return info, nil
}

// discard closes and removes a temporary file whose write failed. One that cannot be removed, as in a directory that only takes new files,
// is emptied, and no other is made before it is gone.
func (w *Writer) discard(file *renameio.PendingFile, failed bool) {
	if !failed || file.Cleanup() == nil {
		return
	}
	if _, err := os.Lstat(file.Name()); err == nil {
		w.stuck = append(w.stuck, file.Name())
		_ = os.Truncate(file.Name(), 0)
	}
}

// unstick removes the temporary files that could not be removed before.
func (w *Writer) unstick() error {
	for len(w.stuck) > 0 {
		if err := os.Remove(w.stuck[0]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		w.stuck = w.stuck[1:]
	}
	return nil
}

// Sweep removes what killed processes left beside the file and returns how many files that were. Call it before the first Publish.
func (w *Writer) Sweep() (int, error) {
	dir, base := filepath.Split(w.path)
	if dir == "" {
		dir = "."
	}
	leftover := regexp.MustCompile(`^\.{1,2}` + regexp.QuoteMeta(base) + `[0-9]+$`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("sweeping left-over files: %w", w.explain(err))
	}
	swept := 0
	var faults []error
	for _, entry := range entries {
		if !leftover.MatchString(entry.Name()) || !entry.Type().IsRegular() {
			continue
		}
		name := filepath.Join(dir, entry.Name())
		if err := os.Remove(name); err != nil {
			faults = append(faults, err)
			if info, err := entry.Info(); err == nil && owner(info) == os.Getuid() {
				w.stuck = append(w.stuck, name) // else each start would add one
			}
			continue
		}
		swept++
	}
	return swept, errors.Join(faults...)
}

// Probe does all that a Publish does, with a small file of its own, so that a directory in which a write would fail is known, with the
// cure, before the first Publish.
func (w *Writer) Probe() error {
	if info, err := os.Lstat(w.path); err == nil && info.IsDir() {
		return fmt.Errorf("probing snapshot path: %s is a directory: name a file in it", w.path)
	}
	if _, held := w.heldBySticky(filepath.Dir(w.path)); held { // the probe's own file would not show it
		return fmt.Errorf("probing snapshot path: %w", w.explain(&fs.PathError{Op: "replace", Path: w.path, Err: syscall.EPERM}))
	}
	if err := w.probe(); err != nil {
		return fmt.Errorf("probing snapshot directory: %w", w.explain(err))
	}
	return nil
}

func (w *Writer) probe() error {
	if err := w.unstick(); err != nil {
		return err
	}
	// The names are ones that Sweep knows, should the process be killed in between.
	own, err := os.CreateTemp(filepath.Dir(w.path), "."+filepath.Base(w.path)+"*")
	if err != nil {
		return err
	}
	_, failed := w.replace(own.Name(), func(f *renameio.PendingFile) error {
		_, err := io.WriteString(f, "probe\n")
		return err
	})
	removed := os.Remove(own.Name())
	if removed != nil {
		w.stuck = append(w.stuck, own.Name())
	}
	return errors.Join(failed, own.Close(), removed)
}
