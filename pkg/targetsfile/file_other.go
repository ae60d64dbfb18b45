//go:build !unix

package targetsfile

import "io/fs"

const openNonblock = 0

// isUnlinked reports nothing: what it is asked for happens to containers.
func isUnlinked(fs.FileInfo) bool { return false }
