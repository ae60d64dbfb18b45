package targetsfile

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime returns the inode's ctime, which no program can set back: it differs when size and mtime were made to look the same.
func changeTime(info fs.FileInfo) time.Time {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}
	}
	return time.Unix(stat.Ctim.Unix())
}
