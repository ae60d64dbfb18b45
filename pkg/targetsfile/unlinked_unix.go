//go:build unix

package targetsfile

import (
	"io/fs"
	"syscall"
)

// isUnlinked reports whether a file has no name in any directory.
func isUnlinked(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}
