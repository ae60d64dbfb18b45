// Package writer replaces one file on disk, whole or not at all.
//
// A reader that opens the path at any moment sees the document before a [Writer.Publish] or the one after it, never a part, an empty
// file or none. The document is written beside the path, synced and renamed over it; a write that fails at any point (disk full,
// read-only, killed) leaves the old file as it was.
//
// Not promised: that the last document survives a crash of the node. The directory is not synced, because the emptyDir this is made
// for does not outlive its pod. And two writers of one path do not know of each other.
package writer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/google/renameio/v2"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Writer publishes documents to one path. Its methods must not be called concurrently.
type Writer struct {
	path string
	mode os.FileMode
}

// New returns a writer of the file at path, which will have exactly mode, whatever the umask. The directory must exist when
// something is written; it is not created, so that a volume that is not mounted is an error and not a file in the image.
func New(path string, mode os.FileMode) *Writer {
	return &Writer{path: filepath.Clean(path), mode: mode.Perm()}
}

// Publish replaces the file by d, whose Checksum it sets, and returns its size in bytes.
func (w *Writer) Publish(d *targetsfile.Document) (int64, error) {
	size, err := w.replace(d)
	if err != nil {
		return 0, fmt.Errorf("writing snapshot: %w", w.explain(err))
	}
	return size, nil
}

func (w *Writer) replace(d *targetsfile.Document) (int64, error) {
	// renameio.WriteFile would keep the mode of the file that is there, and without WithTempDir each write drops probe files into the
	// directory that readers watch.
	file, err := renameio.NewPendingFile(w.path,
		renameio.WithTempDir(filepath.Dir(w.path)), renameio.WithStaticPermissions(w.mode))
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Cleanup() }()
	size, err := d.WriteFile(file)
	if err != nil {
		return 0, err
	}
	return size, file.CloseAtomicallyReplace()
}

// Sweep removes what killed processes left beside the file and returns how many files that were. Call it before the first Publish.
func (w *Writer) Sweep() (int, error) {
	dir, base := filepath.Split(w.path)
	if dir == "" {
		dir = "."
	}
	leftover := regexp.MustCompile(`^\.` + regexp.QuoteMeta(base) + `[0-9]+$`)
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
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			faults = append(faults, err)
			continue
		}
		swept++
	}
	return swept, errors.Join(faults...)
}

// Probe makes and removes a file beside the path, so that a directory that cannot be written is known, with its cure, before the
// first Publish.
func (w *Writer) Probe() error {
	// The name is one that Sweep knows, should the process be killed in between.
	file, err := os.CreateTemp(filepath.Dir(w.path), "."+filepath.Base(w.path)+"*")
	if err != nil {
		return fmt.Errorf("probing snapshot directory: %w", w.explain(err))
	}
	_, err = file.WriteString("probe\n")
	if err := errors.Join(err, file.Close(), os.Remove(file.Name())); err != nil {
		return fmt.Errorf("probing snapshot directory: %w", w.explain(err))
	}
	if info, err := os.Lstat(w.path); err == nil && info.IsDir() {
		return fmt.Errorf("probing snapshot path: %s is a directory: name a file in it", w.path)
	}
	return nil
}
