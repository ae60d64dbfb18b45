package manifests

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
)

// notifier gives a hint whenever something happens in the directories that it watches. It is the only user of fsnotify, and it promises
// little: a hint may come without a change, and many events make one hint. When it cannot watch, it returns the error.
//
// A changed set of directories gets a new watcher instead of additions to the old one: an old watch on a path may be for a directory
// that was moved away or deleted since, and fsnotify does not tell them apart.
type notifier struct {
	hints       chan struct{} // buffered: one hint is kept until somebody waits for it, and further ones add nothing
	watcher     *fsnotify.Watcher
	directories directories
	stale       atomic.Bool // a directory went away, or events were lost
	pumping     sync.WaitGroup
}

func newNotifier() *notifier { return &notifier{hints: make(chan struct{}, 1)} }

// watches reports whether exactly these directories are watched.
func (n *notifier) watches(want directories) bool {
	return n.watcher != nil && !n.stale.Load() && maps.Equal(n.directories, want)
}

// watch makes these the directories that are watched, all or none.
func (n *notifier) watch(want directories) error {
	n.close()
	watcher, err := fsnotify.NewWatcher() // fails when the node is out of inotify instances, 128 per user by default
	if err != nil {
		return fmt.Errorf("watching manifests: %w", err)
	}
	for dir := range want {
		if err := watcher.Add(dir); err != nil {
			_ = watcher.Close()
			return fmt.Errorf("watching manifests: %w", err)
		}
	}
	n.watcher, n.directories = watcher, want
	n.stale.Store(false)
	n.pumping.Go(func() { n.pump(watcher, want) })
	return nil
}

func (n *notifier) pump(watcher *fsnotify.Watcher, watched directories) {
	for {
		select {
		case event, ok := <-watcher.Events:
			if !ok {
				return
			}
			_, self := watched[event.Name]
			if self && event.Has(fsnotify.Remove|fsnotify.Rename) {
				n.stale.Store(true)
			}
		case _, ok := <-watcher.Errors: // mostly an overflow of the event queue
			if !ok {
				return
			}
			n.stale.Store(true)
		}
		select {
		case n.hints <- struct{}{}:
		default:
		}
	}
}

// close releases the watcher and waits for its goroutine. The notifier can be used again.
func (n *notifier) close() {
	if n.watcher == nil {
		return
	}
	_ = n.watcher.Close()
	n.watcher = nil
	n.pumping.Wait()
}
