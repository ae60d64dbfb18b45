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

// modeError says that a file system gave a file another mode than the one it was told to.
type modeError struct{ want, got os.FileMode }

// Error implements error.
func (e *modeError) Error() string {
	return fmt.Sprintf("the file system gives the file mode %04o instead of %04o, so that the app may not be able to read it: use an"+
		" emptyDir, or set --snapshot-mode=%04o if that mode is enough", e.got, e.want, e.got)
}

// explain adds to an error of the file system who tried, on what, and what usually cures it.
func (w *Writer) explain(err error) error {
	dir := filepath.Dir(w.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(dir):
		return fmt.Errorf("%w (the directory is there, so something has removed the temporary file from it: nothing but this sidecar may clean up there)", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (the directory %s does not exist: mount the shared volume there, or create it)", err, dir)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP):
		return fmt.Errorf("%w (%s)", err, w.explainForbidden(dir))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (running as uid %d gid %d, %s: set fsGroup in the pod's securityContext, or run both containers as one user;"+
			" %s)", err, os.Getuid(), os.Getgid(), describe(dir), mountAdvice)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (running as uid %d gid %d, %s and is read-only: mount the volume there, in this container without readOnly;"+
			" %s)", err, os.Getuid(), os.Getgid(), describe(dir), mountAdvice)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%w (%s is a mount of its own: %s)", err, w.path, mountAdvice)
	case errors.Is(err, syscall.ENOSPC) && outOfInodes(dir):
		return fmt.Errorf("%w (%s has space, but no inode left: remove files from the volume, or give it more)", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (%s is full: the volume's sizeLimit must hold two snapshots)", err, dir)
	}
	return err
}

// explainForbidden says what answers an operation with EPERM. The bits of a mode are not the reason: those give EACCES.
func (w *Writer) explainForbidden(dir string) string {
	who := fmt.Sprintf("running as uid %d gid %d, %s", os.Getuid(), os.Getgid(), describe(dir))
	if uid, held := w.heldBySticky(dir); held {
		return fmt.Sprintf("%s: in a sticky directory only the owner may replace a file, and %s belongs to uid %d: remove the file, run as"+
			" that user, or clear the sticky bit", who, w.path, uid)
	}
	return who + ": the file system or a seccomp profile refuses this to everybody: use an emptyDir; elsewhere, is the directory append-only" +
		" or immutable (lsattr -d), or does the mount refuse chmod?"
}

// heldBySticky reports whether the sticky bit of the directory keeps the file from being replaced, and whose the file is. Opening a file
// with O_NOATIME takes what replacing it there takes: to be the owner, or the capability CAP_FOWNER.
func (w *Writer) heldBySticky(dir string) (uid int, held bool) {
	info, err := os.Stat(dir)
	if err != nil || info.Mode()&fs.ModeSticky == 0 || owner(info) == os.Getuid() {
		return 0, false
	}
	file, err := os.Lstat(w.path)
	if err != nil || owner(file) == os.Getuid() {
		return 0, false
	}
	opened, err := os.OpenFile(w.path, os.O_RDONLY|syscall.O_NOATIME|syscall.O_NONBLOCK, 0)
	if err == nil {
		_ = opened.Close()
	}
	return owner(file), errors.Is(err, fs.ErrPermission)
}

func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

func outOfInodes(dir string) bool {
	var fs syscall.Statfs_t
	return syscall.Statfs(dir, &fs) == nil && fs.Files > 0 && fs.Ffree == 0
}

// owner returns the uid that a file belongs to, or -1 if the file system does not tell.
func owner(info os.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}

// describe returns the mode and the owner of a directory.
func describe(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return dir
	}
	sticky := ""
	if info.Mode()&fs.ModeSticky != 0 {
		sticky = " and the sticky bit"
	}
	of := ""
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		of = fmt.Sprintf(", owned by uid %d gid %d", stat.Uid, stat.Gid)
	}
	return fmt.Sprintf("%s has mode %04o%s%s", dir, info.Mode().Perm(), sticky, of)
}
