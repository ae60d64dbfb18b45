package targetsfile

import (
	"context"
	"iter"
)

// Changes yields what changed, from nothing at first and then from change to change, so that folding them gives the present targets, in
// the end: when [Reader.WaitReady] returns, the first change may still be on its way. What has to be complete before the first alert belongs
// into [Derive]. Each loop over Changes is a consumer of its own:
//
//   - its first change has a nil From, which may be asked like any snapshot, and all targets of the first snapshot; it comes even if that
//     snapshot has no targets;
//   - the From of each later change is the To of the change before, and the two differ by the rules of [Diff]: a heartbeat yields nothing;
//   - what happens while the loop's body runs is merged into one change: a slow consumer delays neither the reader nor other consumers,
//     and a target that came and went in the meantime is not in it.
//
// Disabled targets are among the targets of a change: see [Target].Enabled. The loop ends when it is left, ctx is done or the reader is closed.
func (r *Reader) Changes(ctx context.Context) iter.Seq[Change] {
	r.now()
	return func(yield func(Change) bool) {
		var seen *Snapshot
		for r.isOpen(ctx) {
			current := r.now()
			if current.Snapshot != nil {
				change := Diff(seen, current.Snapshot)
				if !change.isEmpty() {
					seen = change.To
					if !yield(change) {
						return
					}
					continue // another snapshot may have come meanwhile
				}
			}
			select {
			case <-current.replaced:
			case <-ctx.Done():
			case <-r.ended:
			}
		}
	}
}

// isOpen reports whether the reader follows its file and ctx goes on.
func (r *Reader) isOpen(ctx context.Context) bool {
	select {
	case <-r.ended:
		return false
	default:
		return ctx.Err() == nil
	}
}
