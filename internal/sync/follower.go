package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	reopenFirst = time.Second // first wait before a watch is opened again; each further one doubles
	// reopenMost is the longest such wait. A watch that lived longer than that ended for a new reason, so the waits begin anew.
	reopenMost = 10 * time.Second
	// settled is the age from which the end of a watch counts as a new trouble for the refreshes that watches ask for.
	settled = time.Minute
)

// follower keeps the watch of one namespace open, in a goroutine of its own. It opens it again from the last version seen, which costs
// the API server no LIST, until that is no use: see [follower.final].
type follower struct {
	watcher   Watcher
	namespace string
	version   string                 // the version seen last
	listed    atomic.Pointer[string] // the version of the last LIST, set by the loop: a watch may as well go on from there; nil: none since the start
	interval  time.Duration
	exact     bool // waits are not spread at random
	log       zerolog.Logger
	events    chan<- told
	ended     chan<- watchEnd
	wait      time.Duration // before the watch is opened again
	granted   bool          // a watch was open before
	denied    time.Time     // since when the watch is forbidden; zero if it is not
}

// told is an event and the follower that saw it.
type told struct {
	by    *follower
	event source.Event
}

// watchEnd reports that a watch ended.
type watchEnd struct {
	by        *follower
	namespace string
	err       *source.Error // how the watch ended; nil if the follower was stopped
	lived     time.Duration // from the request to the end
	final     bool          // the follower has ended with it
}

// follow runs until ctx ends or a watch ends for good.
func (f *follower) follow(ctx context.Context) {
	for {
		began := time.Now()
		end := watchEnd{by: f, namespace: f.namespace, err: asWatchError(f.watch(ctx)), lived: time.Since(began)}
		if ctx.Err() != nil {
			end.err = nil
		}
		end.final = end.err == nil || f.final(end)
		f.ended <- end
		if end.final {
			return
		}
		select {
		case <-ctx.Done():
			f.ended <- watchEnd{by: f, namespace: f.namespace, final: true}
			return
		case <-time.After(f.pause(end)):
		}
	}
}

// watch is one watch, from its opening to its end.
func (f *follower) watch(ctx context.Context) (err error) {
	defer func() {
		if value := recover(); value != nil {
			f.log.Error().Str("namespace", f.namespace).Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while watching")
			err = &source.Error{End: source.WatchInvalid, Err: fmt.Errorf("recovered from a panic of type %T", value)}
		}
	}()
	// A version that is too long ago is compacted, and no bookmark may have come since.
	if listed := f.listed.Load(); listed != nil && source.Newer(*listed, f.version) {
		f.version = *listed
	}
	return f.watcher.Watch(ctx, f.namespace, f.version, func(e source.Event) {
		e.Namespace = f.namespace
		select {
		case f.events <- told{f, e}:
			f.version = cmp.Or(e.ResourceVersion, f.version)
			f.granted = true
		case <-ctx.Done():
		}
	})
}

// final reports whether opening the watch again from where it was cannot help: its version is gone, the next thing in it cannot be
// read, or somebody has to grant it. It begins again with the next successful LIST. That a watch is forbidden which was granted is not
// believed for a while: an API server that has just started refuses everybody until it has read the roles.
func (f *follower) final(end watchEnd) bool {
	if end.err.End != source.WatchForbidden {
		f.denied = time.Time{}
	}
	switch end.err.End {
	case source.WatchExpired, source.WatchInvalid:
		return true
	case source.WatchForbidden:
		if f.denied.IsZero() {
			f.denied = time.Now()
		}
		return !f.granted || time.Since(f.denied) >= deniedConfirmation
	}
	return false
}

// pause is how long to wait before the watch is opened again. It is spread over half its length: an API server that comes back has the
// watches of all pods to serve.
func (f *follower) pause(end watchEnd) time.Duration {
	if end.lived > reopenMost {
		f.wait = 0
	}
	if atItsTime(end.err.End) && end.lived >= reopenFirst {
		return 0
	}
	f.wait = min(max(reopenFirst, 2*f.wait), reopenMost)
	wait := f.wait
	if !f.exact {
		wait -= time.Duration(rand.Int64N(int64(wait) / 2)) // #nosec G404 -- it spreads load, it hides nothing
	}
	return max(wait, min(end.err.RetryAfter, f.interval))
}

// atItsTime reports whether an end is one that comes by the clock, without any trouble.
func atItsTime(end source.WatchEnd) bool {
	return end == source.WatchTimeout || end == source.WatchQuiet
}

// asWatchError makes every error one that says how the watch ended.
func asWatchError(err error) *source.Error {
	if e, ok := errors.AsType[*source.Error](err); ok {
		return e
	}
	if err == nil {
		return &source.Error{End: source.WatchClosed, Err: errors.New("the watch ended")}
	}
	return &source.Error{End: source.WatchBroken, Err: err}
}
