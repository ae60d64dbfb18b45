package targetsfile

import (
	"fmt"
	"time"
)

// Status says how a [Reader] is doing. It is a copy, consistent in itself.
type Status struct {
	Ready    bool      // there is a snapshot to answer from
	Snapshot *Snapshot // that snapshot; nil before Ready
	LoadedAt time.Time // when that snapshot, or a newer RefreshedAt of it, was taken over from the file

	// Age is the time since the snapshot's RefreshedAt, at least 0. Reader and sidecar share the clock of their node.
	Age time.Duration
	// Stale means that nothing vouches for the snapshot any more: its StaleAfter has come, or its age is over WithMaxAge. It is
	// served all the same. False before Ready.
	Stale bool

	LastError           error     // the error of the last load, a *LoadError; nil if that load went well
	LastErrorAt         time.Time // when LastError occurred
	ConsecutiveFailures int       // loads that failed since the last one that went well

	// Watching means that file system events announce changes. It is false where polling alone finds them, which takes a poll interval:
	// there is no watch, or a change was found that no event had announced, and no event came since. Then polls come every second.
	Watching bool
	// Detached means that the file is mounted by itself, as by a subPath, and was replaced where it comes from: what the sidecar publishes
	// does not arrive any more.
	Detached bool

	Loads   uint64 // files read and accepted, changed or not
	Rejects uint64 // loads that failed, those of a missing file included
}

// state is what a Reader answers from. A published one never changes.
type state struct {
	Status                 // without what depends on the time: Ready, Age and Stale
	replaced chan struct{} // closed when a state with other targets follows
}

// Status returns the present status. It does not lock.
func (r *Reader) Status() Status {
	s := r.now().Status
	if s.Ready = s.Snapshot != nil; s.Ready {
		now := time.Now()
		s.Age = max(0, now.Sub(s.Snapshot.RefreshedAt()))
		s.Stale = !now.Before(s.Snapshot.StaleAfter()) || r.config.maxAge > 0 && s.Age > r.config.maxAge
	}
	return s
}

// Healthy returns nil, or [ErrNotReady] or [ErrStale] together with the error of the last load, if that failed. It does not lock.
//
// It is for alerts and for people. Never wire it to a liveness or readiness probe: a restart brings no newer targets, and an app taken
// out of its Service publishes no alerts at all, while with stale targets it publishes nearly all of them.
func (r *Reader) Healthy() error {
	s := r.Status()
	var fault error
	switch {
	case !s.Ready:
		fault = ErrNotReady
	case s.Stale:
		fault = ErrStale
	default:
		return nil
	}
	if s.Detached {
		fault = fmt.Errorf("%w: %s", fault, detachedHint)
	}
	if s.LastError == nil {
		return fault
	}
	return fmt.Errorf("%w: %w", fault, s.LastError)
}
