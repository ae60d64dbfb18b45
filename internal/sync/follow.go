package sync

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	// keptBackWithin is how soon a watch that is opened again tells what it had kept back.
	keptBackWithin = time.Second
	// checkWithin spreads the checks of pods that all have their watches back at once.
	checkWithin = 3 * time.Second
	// checkTimeout is the patience for one check: with checkWithin, a watch that is deaf is known within 10 s.
	checkTimeout = 5 * time.Second
)

// following is what the loop knows of the watches. A follower keeps each one open.
type following struct {
	watcher    Watcher // nil if changes are not to be followed
	namespaces []string
	interval   time.Duration
	exact      bool // waits are not spread at random
	log        zerolog.Logger

	ctx     context.Context // ends when Stop is called
	stop    context.CancelFunc
	events  chan told
	ended   chan watchEnd
	checked chan versionSeen
	running int // number of followers that run

	watches   map[string]*watch // by namespace
	connected bool              // all watches are open
	since     time.Time         // when connected last changed
	lastEvent time.Time
	keptBack  time.Time // when a watch last turned out to have kept changes back; zero if none has
}

// watch is what the loop knows of one namespace's watch.
type watch struct {
	by       *follower          // the follower that keeps the watch open; nil if there is none
	ctx      context.Context    // ends with that follower
	cancel   context.CancelFunc // ends that follower
	checking bool               // a check whether the API server has gone back is under way
	open     bool
	quiet    bool      // the watch was closed because nothing was received, and no event has come since
	replayed time.Time // when a quiet watch was opened again: a change that comes at once was kept back; zero if it was not
	down     time.Time // since when the watch is in trouble; zero if it is not
	err      string    // why the watch is not open
	warned   bool      // a warning has told of this trouble
	denied   bool      // the last warning of this trouble was that somebody has to grant the watch
}

func newFollowing(ctx context.Context, cfg *Config) following {
	f := following{
		watcher: cfg.watcher(), namespaces: cfg.Namespaces, interval: cfg.Interval, exact: cfg.Jitter == 0, log: cfg.Logger,
		events: make(chan told), ended: make(chan watchEnd), checked: make(chan versionSeen), watches: map[string]*watch{},
	}
	f.ctx, f.stop = context.WithCancel(ctx)
	for _, namespace := range cfg.Namespaces {
		f.watches[namespace] = &watch{}
	}
	return f
}

// follow begins to follow a namespace from the version of a LIST, unless nobody wants it, or there is no version to start from. A follower that
// runs already goes on from that version when it opens its watch again.
func (l *loop) follow(namespace, resourceVersion string) {
	f := &l.following
	w := f.watches[namespace]
	if f.watcher == nil || resourceVersion == "" || l.stopping {
		return
	}
	if w.by != nil {
		w.by.listed.Store(&resourceVersion)
		return
	}
	f.running++
	w.ctx, w.cancel = context.WithCancel(f.ctx)
	worker := &follower{
		watcher: f.watcher, namespace: namespace, version: resourceVersion, interval: f.interval, exact: f.exact,
		log: f.log, events: f.events, ended: f.ended,
	}
	w.by = worker
	ctx := w.ctx
	l.workers.Go(func() { worker.follow(ctx) })
}

// restart has a namespace followed anew, by a follower that begins with the next call of follow: what the old one may still tell is of a
// past that the API server no longer has.
func (f *following) restart(namespace string) {
	w := f.watches[namespace]
	if w.by == nil {
		return
	}
	w.cancel()
	*w = watch{down: w.down, warned: w.warned, denied: w.denied}
	f.compare()
}

// open takes in that a watch is open, and reports whether that ends a trouble.
func (f *following) open(namespace string) (recovered bool) {
	w := f.watches[namespace]
	w.open, w.err = true, ""
	if w.quiet {
		w.replayed = time.Now()
	}
	recovered = !w.down.IsZero()
	if recovered {
		e := f.log.Debug()
		if w.warned {
			e = f.log.Info()
		}
		e.Str("namespace", namespace).Float64("down_seconds", time.Since(w.down).Seconds()).Msg("changes are followed again")
		w.down, w.warned, w.denied = time.Time{}, false, false
	}
	f.compare()
	return recovered
}

// onWatchEnd takes in that a watch ended. Its follower opens it again by itself, unless the end is final. One that may have missed
// something asks for a refresh, unless a LIST runs: that has it.
func (l *loop) onWatchEnd(end watchEnd) {
	trouble := l.following.end(end)
	if end.err == nil || l.stopping {
		return
	}
	l.metrics.watchRestarts.WithLabelValues(string(end.err.End)).Inc()
	if !trouble {
		return
	}
	switch end.err.End {
	case source.WatchExpired, source.WatchInvalid:
		if end.lived >= settled {
			l.requests.distance = 0
		}
		if !l.attempts.listing() {
			l.requests.fromWatch(l.schedule.hold.until())
		}
	}
}

// end takes in the end of a watch and reports whether it is trouble. An end that comes by the clock is none: the watch is opened again at
// once.
func (f *following) end(end watchEnd) (trouble bool) {
	w := f.watches[end.namespace]
	if end.final {
		f.running--
	}
	if end.by != w.by {
		return false // it was restarted
	}
	if end.final {
		w.cancel()
		w.by, w.checking = nil, false // a check ends with its follower, and reports nothing
	}
	if end.err == nil || f.ctx.Err() != nil {
		w.open = false
		return false
	}
	w.quiet, w.replayed = end.err.End == source.WatchQuiet, time.Time{}
	if atItsTime(end.err.End) {
		return false
	}
	f.logEnd(end, w)
	w.open, w.err = false, end.err.Error()
	if w.down.IsZero() {
		w.down = time.Now()
	}
	f.compare()
	return true
}

// hear takes in an event and reports whether it is a change that a quiet watch had kept back: it comes as soon as the watch is opened again.
func (f *following) hear(e source.Event) (keptBack bool) {
	w := f.watches[e.Namespace]
	f.lastEvent = time.Now()
	changed := e.Kind == source.Upsert || e.Kind == source.Delete
	keptBack = changed && !w.replayed.IsZero() && time.Since(w.replayed) < keptBackWithin
	w.quiet, w.replayed = false, time.Time{}
	if !keptBack {
		return false
	}
	f.keptBack = time.Now()
	f.log.Warn().Str("namespace", e.Namespace).
		Str("hint", "the API server, or a proxy between it and this pod, lets long answers hang").
		Msg("the watch had kept changes back, they are applied now")
	return true
}

// compare notes when the watches became all open, or ceased to be.
func (f *following) compare() {
	connected := true
	for _, w := range f.watches {
		connected = connected && w.open
	}
	if connected != f.connected {
		f.connected, f.since = connected, time.Now()
	}
}

// status is what a status says of the watches.
func (f *following) status() WatchStatus {
	s := WatchStatus{Enabled: f.watcher != nil, Connected: f.connected, Since: f.since, LastEvent: f.lastEvent, KeptBack: f.keptBack}
	for _, namespace := range f.namespaces {
		if w := f.watches[namespace]; !w.open && w.err != "" {
			s.Error = w.err
			break
		}
	}
	return s
}

// logEnd writes one warning per trouble of a watch, and one more if it turns out that somebody has to grant it. An interruption that the first
// try mends is worth none: a load balancer that cuts what is idle makes one a minute.
func (f *following) logEnd(end watchEnd, w *watch) {
	denied := end.err.End == source.WatchForbidden && end.final // see follower.final
	e := f.log.Debug()
	interrupted := w.down.IsZero() && end.lived > reopenMost && (end.err.End == source.WatchClosed || end.err.End == source.WatchBroken)
	if !w.warned && !interrupted || denied && !w.denied {
		e, w.warned, w.denied = f.log.Warn(), true, denied
	}
	e = e.Str("namespace", end.namespace).Err(end.err).Str("reason", string(end.err.End)).Str("hint", end.err.Hint)
	switch {
	case denied:
		e.Msg("changes must not be followed, they wait for the next periodic refresh; the watch is tried again")
	case end.final:
		e.Msg("the watch cannot go on, a refresh follows")
	default:
		e.Msg("the watch was interrupted, opening it again")
	}
}
