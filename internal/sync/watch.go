package sync

import (
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// watchState is what the loop knows of the watch of one namespace.
type watchState struct {
	running bool // its follower runs
	open    bool
	down    time.Time       // since when it is in trouble; zero: it is not
	err     string          // why it is not open
	warned  source.WatchEnd // of the trouble, the last end that was warned of
}

// watchOf returns the state of a namespace's watch.
func (l *loop) watchOf(namespace string) *watchState {
	state := l.watching[namespace]
	if state == nil {
		state = &watchState{}
		l.watching[namespace] = state
	}
	return state
}

// follow begins to follow a namespace, unless that is done already, nobody wants it, or there is no version to start from.
func (l *loop) follow(namespace, resourceVersion string) {
	watcher := l.cfg.watcher()
	if watcher == nil || resourceVersion == "" || l.stopping || l.watchOf(namespace).running {
		return
	}
	l.watchOf(namespace).running = true
	l.followers++
	f := &follower{
		watcher: watcher, namespace: namespace, version: resourceVersion,
		interval: l.cfg.Interval, exact: l.cfg.Jitter == 0,
		log: l.log, events: l.events, ended: l.ended,
	}
	l.workers.Go(func() { f.follow(l.watches) })
}

// onEvent takes in what a watch saw.
func (l *loop) onEvent(e source.Event) {
	if l.stopping {
		return
	}
	if e.Kind == source.Opened {
		l.onOpened(e.Namespace)
		return
	}
	l.status.Watch.LastEvent = time.Now()
	l.metrics.watchEvents.WithLabelValues(e.Kind.String()).Inc()
	if e.Kind == source.Relist {
		l.asked[e.Namespace] = e.ResourceVersion
		l.refreshIfAsked()
		return
	}
	l.change(e)
}

func (l *loop) onOpened(namespace string) {
	state := l.watchOf(namespace)
	state.open, state.err = true, ""
	if !state.down.IsZero() {
		l.log.Info().Str("namespace", namespace).Float64("down_seconds", time.Since(state.down).Seconds()).Msg("changes are followed again")
		state.down = time.Time{}
		l.bringForward()
	}
	l.showWatch()
}

// onWatchEnd takes in that a watch ended. Its follower opens it again by itself, unless the end is final.
func (l *loop) onWatchEnd(end watchEnd) {
	state := l.watchOf(end.namespace)
	if end.final {
		state.running = false
		l.followers--
	}
	if end.err == nil || l.stopping {
		state.open = false
		return
	}
	l.metrics.watchRestarts.WithLabelValues(string(end.err.End)).Inc()
	if end.err.End == source.WatchTimeout {
		return // it is opened again at once
	}
	l.logWatchEnd(end, state)
	state.open, state.err = false, end.err.Error()
	if state.down.IsZero() {
		state.down = time.Now()
	}
	l.showWatch()
	switch end.err.End {
	case source.WatchExpired, source.WatchInvalid, source.WatchSilent:
		l.demand(end)
	}
}

// logWatchEnd writes one warning per outage of a watch, and one more if it turns out that somebody has to grant it.
func (l *loop) logWatchEnd(end watchEnd, state *watchState) {
	e := l.log.Debug()
	if state.down.IsZero() || end.err.End == source.WatchForbidden && state.warned != source.WatchForbidden {
		e = l.log.Warn()
		state.warned = end.err.End
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

// showWatch enters into the status whether all namespaces are followed.
func (l *loop) showWatch() {
	connected, err := true, ""
	for _, namespace := range l.cfg.Namespaces {
		if state := l.watchOf(namespace); !state.open {
			connected = false
			if err == "" && state.err != "" {
				err = state.err
			}
		}
	}
	l.status.Watch.Error = err
	if connected == l.status.Watch.Connected {
		return
	}
	l.status.Watch.Connected, l.status.Watch.Since = connected, time.Now()
	value := 0.0
	if connected {
		value = 1
	}
	l.metrics.watchConnected.Set(value)
}
