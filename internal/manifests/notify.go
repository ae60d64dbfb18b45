package manifests

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
)

// notifier gives a hint whenever something happens in the directories it watches. It is the only user of fsnotify, and it promises
// little: a hint may be for nothing, many events make one hint, and it says so when it cannot watch.
//
// A changed set of directories gets a new watcher instead of additions to the old one: an old watch on a path may be for a directory
// that was moved away or deleted since, and fsnotify does not tell them apart.
type notifier struct {
	hints       chan struct{} // buffered: a hint that nobody waits for is kept, a second is the same hint
	watcher     *fsnotify.Watcher
	directories directories
	stale       atomic.Bool // a directory went away, or events were lost
	pumping     sync.WaitGroup
}

func newNotifier() *notifier { return &notifier{hints: make(chan struct{}, 1)} }

// watches reports whether the directories are watched.
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
		case _, ok := <-watcher.Errors: // an overflow, above all
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
