package writer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// mountAdvice is for a volume that is mounted as a single file: its directory is then the image's.
const mountAdvice = "mount the directory, not the file with a subPath"

// explain adds to an error of the file system who tried, on what, and what usually cures it.
func (w *Writer) explain(err error) error {
	dir := filepath.Dir(w.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (the directory %s does not exist: mount the shared volume there, or create it)", err, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (running as uid %d gid %d, %s: set fsGroup in the pod's securityContext, or run both containers as one user;"+
			" %s)", err, os.Getuid(), os.Getgid(), describe(dir), mountAdvice)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (running as uid %d gid %d, %s and is read-only: mount the volume there, in this container without readOnly;"+
			" %s)", err, os.Getuid(), os.Getgid(), describe(dir), mountAdvice)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%w (%s is a mount of its own: %s)", err, w.path, mountAdvice)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (%s is full: the volume's sizeLimit must hold two snapshots)", err, dir)
	}
	return err
}

// describe returns the mode and the owner of a directory.
func describe(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return dir
	}
	owner := ""
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = fmt.Sprintf(", owned by uid %d gid %d", stat.Uid, stat.Gid)
	}
	return fmt.Sprintf("%s has mode %s%s", dir, info.Mode().Perm(), owner)
}
