package sync

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// following is what the loop knows of the watches. A follower keeps each one open.
type following struct {
	watcher    Watcher // nil: nobody wants changes to be followed
	namespaces []string
	interval   time.Duration
	exact      bool // waits are not spread
	log        zerolog.Logger

	ctx     context.Context // ends when Stop is called
	stop    context.CancelFunc
	events  chan source.Event
	ended   chan watchEnd
	running int // followers

	watches   map[string]*watch // by namespace
	connected bool              // all are open
	since     time.Time         // when connected last changed
	lastEvent time.Time
}

// watch is what the loop knows of one namespace's watch.
type watch struct {
	followed bool // by a follower that runs
	open     bool
	down     time.Time       // since when it is in trouble; zero: it is not
	err      string          // why it is not open
	warned   source.WatchEnd // the last end that was warned of in the present trouble
}

func newFollowing(ctx context.Context, cfg *Config) following {
	f := following{
		watcher: cfg.watcher(), namespaces: cfg.Namespaces, interval: cfg.Interval, exact: cfg.Jitter == 0, log: cfg.Logger,
		events: make(chan source.Event), ended: make(chan watchEnd), watches: map[string]*watch{},
	}
	f.ctx, f.stop = context.WithCancel(ctx)
	for _, namespace := range cfg.Namespaces {
		f.watches[namespace] = &watch{}
	}
	return f
}

// follow begins to follow a namespace, unless that is done already, nobody wants it, or there is no version to start from.
func (l *loop) follow(namespace, resourceVersion string) {
	f := &l.following
	w := f.watches[namespace]
	if f.watcher == nil || resourceVersion == "" || l.stopping || w.followed {
		return
	}
	w.followed = true
	f.running++
	worker := &follower{
		watcher: f.watcher, namespace: namespace, version: resourceVersion, interval: f.interval, exact: f.exact,
		log: f.log, events: f.events, ended: f.ended,
	}
	l.workers.Go(func() { worker.follow(f.ctx) })
}

// open takes in that a watch is open, and reports whether that ends a trouble.
func (f *following) open(namespace string) (recovered bool) {
	w := f.watches[namespace]
	w.open, w.err = true, ""
	recovered = !w.down.IsZero()
	if recovered {
		f.log.Info().Str("namespace", namespace).Float64("down_seconds", time.Since(w.down).Seconds()).Msg("changes are followed again")
		w.down = time.Time{}
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
	case source.WatchExpired, source.WatchInvalid, source.WatchSilent:
		if end.lived >= settled {
			l.requests.distance = 0
		}
		if !l.attempts.listing() {
			l.requests.fromWatch(l.schedule.heldUntil)
		}
	}
}

// end takes in the end of a watch and reports whether it is trouble. The end at its time limit is none: it is opened again at once.
func (f *following) end(end watchEnd) (trouble bool) {
	w := f.watches[end.namespace]
	if end.final {
		w.followed = false
		f.running--
	}
	if end.err == nil || f.ctx.Err() != nil {
		w.open = false
		return false
	}
	if end.err.End == source.WatchTimeout {
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
	s := WatchStatus{Enabled: f.watcher != nil, Connected: f.connected, Since: f.since, LastEvent: f.lastEvent}
	for _, namespace := range f.namespaces {
		if w := f.watches[namespace]; !w.open && w.err != "" {
			s.Error = w.err
			break
		}
	}
	return s
}

// logEnd writes one warning per trouble of a watch, and one more if it turns out that somebody has to grant it.
func (f *following) logEnd(end watchEnd, w *watch) {
	e := f.log.Debug()
	if w.down.IsZero() || end.err.End == source.WatchForbidden && w.warned != source.WatchForbidden {
		e = f.log.Warn()
		w.warned = end.err.End
	}
	e = e.Str("namespace", end.namespace).Err(end.err).Str("reason", string(end.err.End)).Str("hint", end.err.Hint)
	switch end.err.End {
	case source.WatchForbidden:
		e.Msg("changes must not be followed, they wait for the next periodic refresh; the watch is tried again")
	case source.WatchExpired, source.WatchInvalid:
		e.Msg("the watch cannot go on, a refresh follows")
	case source.WatchSilent:
		e.Msg("the watch is silent, opening it again; a refresh follows")
	default:
		e.Msg("the watch was interrupted, opening it again")
	}
}
