package manifests

import (
	"context"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Watch emits [source.Opened], and then a [source.Relist] for each change of the tree: once nothing has changed for 100 ms, or after 2 s of
// changes without such a pause. The resourceVersion is the fingerprint of a [source.Listing] or of a Relist; that the tree is another one
// already is the first change. Watch calls emit from the calling goroutine, and returns ctx's error when ctx ends; it has no other.
//
// It follows changes with fsnotify, and looks every 5 s besides; every second where fsnotify cannot be had. It watches directories:
// PATH's own, those of its tree, the one above it (PATH may be replaced), and those that linked files really are in.
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

// look has the directories of the tree watched before it takes the fingerprint that counts: a change after it makes a hint.
func (m *Source) look(ctx context.Context, n *notifier) (fingerprint string, hinted bool) {
	const tries = 3 // the tree may grow meanwhile; then the next poll gets it
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
