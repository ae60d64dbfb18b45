package manifests

import (
	"context"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Watch emits [source.Opened], and then a [source.Relist] for each change of the tree: once nothing has changed for 100 ms, or after 2 s of
// changes without such a pause. The resourceVersion is the fingerprint of a [source.Listing] or of a Relist; if the tree already differs
// from it, that is the first change. Watch calls emit from the calling goroutine, and returns ctx's error when ctx ends; it has no other.
//
// It follows changes with fsnotify, and also looks every 5 s, or every second where fsnotify cannot be had. It watches directories: PATH
// and those of its tree, the directory above PATH, which may be replaced, and the directories of the files that links lead to.
func (m *Source) Watch(ctx context.Context, namespace, resourceVersion string, emit func(source.Event)) error {
	n := newNotifier()
	defer n.close()
	emit(source.Event{Namespace: namespace, ResourceVersion: resourceVersion, Kind: source.Opened})
	f := follower{
		hints: n.hints,
		look:  func(ctx context.Context) (string, bool) { return m.look(ctx, n) },
		report: func(fingerprint string) {
			emit(source.Event{Namespace: namespace, ResourceVersion: fingerprint, Kind: source.Relist})
		},
	}
	return f.follow(ctx, resourceVersion)
}

// look watches the directories of the tree before it takes the fingerprint that counts, so that every later change makes a hint.
func (m *Source) look(ctx context.Context, n *notifier) (fingerprint string, hinted bool) {
	const tries = 3 // the tree may grow with each try; what the last one misses, the next poll finds
	for range tries {
		t := findFiles(ctx, m.path)
		if n.watches(t.directories) {
			return t.fingerprint, true
		}
		if n.watch(t.directories) != nil {
			return t.fingerprint, false
		}
	}
	return findFiles(ctx, m.path).fingerprint, false
}
