//go:build !linux

package targetsfile

import (
	"io/fs"
	"time"
)

// changeTime returns nothing: here the regular full read has to find a file that was made to look the same.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
