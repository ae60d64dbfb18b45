package manifests

import (
	"context"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	settleLimit = 2 * time.Second // a change that never settles is reported all the same
	fastPoll    = time.Second     // the only way to see a change while events cannot be relied upon
	slowPoll    = 5 * time.Second // while events come: some changes, as behind a chain of links or on NFS, make no event
)

// follower turns hints that something may have changed into reports of changes, each once the change has settled. It knows neither files
// nor fsnotify.
//
// Hints may be promised and never come, as on network mounts whose files change from beneath. A poll that finds a change which no hint
// announced, not even within a second, ends the trust in them until the next one comes.
type follower struct {
	hints <-chan struct{}
	// look returns the fingerprint of the present state, and whether hints will announce later changes.
	look   func(context.Context) (fingerprint string, hinted bool)
	report func(fingerprint string)
	tell   func() // called the first time that the trust in hints ends

	byPoll   bool // a poll has led to the present look, and hints were to be had before it
	doubtful bool // the hint of the change that was reported last is late
	isMute   bool // a change came without a hint, and no hint has come since
	told     bool
}

// follow reports each state that differs from the last one reported, beginning with since. It returns when ctx ends.
func (f *follower) follow(ctx context.Context, since string) error {
	settled := false
	for {
		fingerprint, hinted := f.look(ctx)
		if err := ctx.Err(); err != nil {
			return err // look may have seen only a part of the tree
		}
		if fingerprint != since && !settled {
			if err := f.settle(ctx); err != nil {
				return err
			}
			settled = true
			continue
		}
		if fingerprint != since {
			since = fingerprint
			f.doubtful = f.byPoll && !f.isMute
			f.report(fingerprint)
		}
		var err error
		if settled, err = f.wait(ctx, hinted); err != nil {
			return err
		}
	}
}

// wait returns when it is time to look again. It reports whether a hint has come and the change behind it has settled.
func (f *follower) wait(ctx context.Context, hinted bool) (settled bool, err error) {
	poll := fastPoll
	if hinted && !f.isMute && !f.doubtful {
		poll = slowPoll
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(poll):
		f.byPoll = hinted
		f.mistrust()
		return false, nil
	case <-f.hints:
		f.heard()
		return true, f.settle(ctx)
	}
}

// settle returns once there was no hint for [settleTime], or after [settleLimit].
func (f *follower) settle(ctx context.Context) error {
	limit := time.After(settleLimit)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return nil
		case <-time.After(settleTime):
			return nil
		case <-f.hints:
			f.heard()
		}
	}
}

// heard takes in a hint: hints announce changes.
func (f *follower) heard() { f.byPoll, f.doubtful, f.isMute = false, false, false }

// mistrust ends the trust in hints if the last change has had none until now.
func (f *follower) mistrust() {
	if !f.doubtful {
		return
	}
	f.doubtful, f.isMute = false, true
	if !f.told {
		f.told = true
		f.tell()
	}
}

// Watch emits [source.Opened], and then a [source.Relist] for each change of the tree: once nothing has changed for 100 ms, or after 2 s of
// changes without such a pause. The resourceVersion is the fingerprint of a [source.Listing] or of a Relist; if the tree already differs
// from it, that is the first change. Watch calls emit from the calling goroutine, and returns ctx's error when ctx ends; it has no other.
//
// It follows changes with fsnotify, and also looks every 5 s, or every second where fsnotify cannot be had, or has missed a change and told of
// none since. It watches directories: PATH and those of its tree, the directory above PATH, which may be replaced, and the directories of the
// files that links lead to.
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
		tell: func() {
			m.log.Warn().Str("path", m.path).Msg("manifests changed and no event announced it, looking every second until one does")
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
