//go:build !unix

package targetsfile

import "io/fs"

// isUnlinked always returns false: it is for files that are mounted into a container by themselves, which needs a unix.
func isUnlinked(fs.FileInfo) bool { return false }
