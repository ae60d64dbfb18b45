package targetsfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// volumeLink is the link that a kubelet replaces in a projected volume to change all its files at once.
const volumeLink = "..data"

// dirWatch turns the events of a file's directory into nudges. It watches the directory, since a watch on the file ends when the file is
// replaced. This file is the only one that knows fsnotify.
type dirWatch struct {
	watcher *fsnotify.Watcher
	dir     string
	inode   fs.FileInfo   // the directory that is watched
	ended   chan struct{} // closed when no more nudges come
}

// watchDirectory begins to nudge when the file at path may have changed.
func watchDirectory(path string, nudges chan<- struct{}) (*dirWatch, error) {
	dir := filepath.Dir(path)
	inode, err := os.Stat(dir) // taken before Add: if the directory is replaced in between, intact returns false once, and nothing is missed
	if err != nil {
		return nil, err
	}
	if !inode.IsDir() {
		return nil, fmt.Errorf("watching %s: not a directory", dir)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("creating a file system watcher: %w", err)
	}
	if err := watcher.Add(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("watching %s: %w", dir, err), watcher.Close())
	}
	w := &dirWatch{watcher: watcher, dir: dir, inode: inode, ended: make(chan struct{})}
	go func() {
		broken := forward(watcher, path, nudges)
		close(w.ended)
		if broken {
			nudge(nudges) // after the close, so that intact returns false when the nudge is answered
		}
	}()
	return w, nil
}

// forward nudges for each event that may concern the file at path, until the watcher is closed or broken. It reports whether it is broken.
func forward(watcher *fsnotify.Watcher, path string, nudges chan<- struct{}) (broken bool) {
	file, dir := filepath.Base(path), filepath.Base(filepath.Dir(path))
	for {
		select {
		case event, open := <-watcher.Events:
			if !open {
				return false
			}
			// Base names, because fsnotify joins names to the directory in its own way ("./a", "//a").
			if name := filepath.Base(event.Name); name == file || name == dir || name == volumeLink {
				nudge(nudges)
			}
		case err, open := <-watcher.Errors:
			if !open {
				return false
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return true
			}
			nudge(nudges) // an event of this file may be among the lost ones
		}
	}
}

func nudge(nudges chan<- struct{}) {
	select {
	case nudges <- struct{}{}:
	default: // a nudge is waiting already
	}
}

// intact reports whether events still come, and from the directory that is now at the path. A nil watch is not intact.
func (w *dirWatch) intact() bool {
	if w == nil {
		return false
	}
	select {
	case <-w.ended:
		return false
	default:
	}
	now, err := os.Stat(w.dir)
	// fsnotify drops a directory that was deleted or renamed; one replaced by a mount or through a symbolic link it does not notice.
	return err == nil && os.SameFile(w.inode, now) && len(w.watcher.WatchList()) > 0
}

// close stops the nudges and waits until they have stopped.
func (w *dirWatch) close() {
	if w == nil {
		return
	}
	_ = w.watcher.Close() // nothing is left to be done about an error
	<-w.ended
}
