package targetsfile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
)

var (
	// ErrNotReady means that no valid snapshot has been seen yet, so nothing is known about any target.
	ErrNotReady = errors.New("no target snapshot loaded yet")
	// ErrNotFound means that the snapshot has no target of that name.
	ErrNotFound = errors.New("no such target")
	// ErrStale means that nothing vouches for the snapshot any more. It is served all the same.
	ErrStale = errors.New("target snapshot is stale")
	// ErrClosed means that the reader was closed before it became ready. It comes together with ErrNotReady.
	ErrClosed = errors.New("target reader is closed")
)

// Reader follows one snapshot file and answers lookups from memory. [Open] makes one; the methods of a nil or zero Reader panic. All methods
// may be called concurrently.
type Reader struct {
	config config
	state  atomic.Pointer[state]
	ready  chan struct{} // closed with the first snapshot
	cancel context.CancelFunc
	ended  chan struct{} // closed when the file is no longer followed

	derivations chan<- derivation // requests to the follower
	callbacks   callbacks
}

// Open starts to follow the snapshot file at path. Neither the file nor its directory need exist: Open looks once before it
// returns, so that a valid file which is there is served at once, and otherwise the reader goes on looking. Open fails only
// because of invalid arguments, and names all of them.
//
// The reader stops when ctx is done or Close is called.
func Open(ctx context.Context, path string, opts ...Option) (*Reader, error) {
	c, err := newConfig(path, opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Reader{config: c, ready: make(chan struct{}), cancel: cancel, ended: make(chan struct{})}
	f := newFollower(c, r.publish)
	r.derivations = f.derivations
	f.load()
	go func() {
		defer close(r.ended)
		f.run(ctx)
	}()
	return r, nil
}

// publish makes next what lookups see, and wakes those who wait for another list of targets. Only the follower calls it.
func (r *Reader) publish(next state) {
	previous := r.state.Load()
	isFirst := next.Snapshot != nil && (previous == nil || previous.Snapshot == nil)
	isReplaced := previous == nil || isFirst || next.Snapshot != nil && next.Snapshot.index != previous.Snapshot.index
	if isReplaced {
		next.replaced = make(chan struct{})
	} else {
		next.replaced = previous.replaced
	}
	r.state.Store(&next)
	if isFirst {
		close(r.ready)
	}
	if isReplaced && previous != nil {
		close(previous.replaced)
	}
}

// Close stops following the file and delivering changes, and waits until both have ended. A function given to [Reader.OnChange] must
// not call it: Close would wait for that function, and the function for Close. Lookups go on answering from the last snapshot. Close may
// be called more than once; it returns nil.
func (r *Reader) Close() error {
	r.now()
	r.cancel()
	<-r.ended
	r.callbacks.wait()
	return nil
}

// now returns what the reader answers from. It panics for a nil or zero Reader, whose other methods would wait for ever.
func (r *Reader) now() *state {
	if r == nil || r.cancel == nil {
		panic("targetsfile: this Reader was not made by Open")
	}
	return r.state.Load()
}

// WaitReady waits for the first valid snapshot: lookups, and every [Map], answer from it when WaitReady returns; of changes, the first may
// still be on its way. Its error is [ErrNotReady], together with why there was none: the cause of ctx's end and
// what is wrong with the file, or [ErrClosed].
func (r *Reader) WaitReady(ctx context.Context) error {
	r.now()
	select {
	case <-r.ready:
	case <-r.ended:
	case <-ctx.Done():
	}
	current := r.now()
	switch {
	case current.Snapshot != nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w: %w", ErrNotReady, context.Cause(ctx), current.LastError)
	}
	return fmt.Errorf("%w: %w", ErrNotReady, ErrClosed)
}

// Snapshot returns what the reader answers from at this moment, or nil if no valid file has been seen yet.
func (r *Reader) Snapshot() *Snapshot { return r.now().Snapshot }

// Get returns the target of that name, enabled or not: whoever publishes to it asks its Enabled. The error is [ErrNotReady] or
// [ErrNotFound]. Get does not lock and does not allocate.
func (r *Reader) Get(name string) (Target, error) {
	s := r.Snapshot()
	if s == nil {
		return Target{}, ErrNotReady
	}
	t, ok := s.Get(name)
	if !ok {
		return Target{}, ErrNotFound
	}
	return t, nil
}

// ByType yields the targets of one type, such as "slack", ascending by name, all from one snapshot and those that are disabled included;
// none before the reader is ready.
func (r *Reader) ByType(typ string) iter.Seq[Target] { return r.Snapshot().ByType(typ) }

// All yields all targets, ascending by name, all from one snapshot and those that are disabled included; none before the reader is ready.
func (r *Reader) All() iter.Seq[Target] { return r.Snapshot().All() }

// Enabled yields the targets that alerts are to be published to, ascending by name, all from one snapshot; none before the reader is
// ready.
func (r *Reader) Enabled() iter.Seq[Target] { return r.Snapshot().Enabled() }
