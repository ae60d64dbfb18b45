package sync

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/alert-history/refresh-sidecar/internal/discovery"
)

// watchEnd reports that the watch of a namespace ended.
type watchEnd struct {
	namespace string
	err       error
}

// follow opens the watch of a namespace, unless it runs already, or the source has none or gave no version to start from.
func (l *loop) follow(namespace, resourceVersion string) {
	watcher, ok := l.cfg.Source.(Watcher)
	if !ok || resourceVersion == "" || l.following[namespace] || l.stopping || l.cfg.Attempts > 0 {
		return
	}
	l.following[namespace] = true
	l.showWatch()
	l.workers.Go(func() {
		l.ended <- watchEnd{namespace, l.watch(watcher, namespace, resourceVersion)}
	})
}

// watch runs in the goroutine of a watch.
func (l *loop) watch(watcher Watcher, namespace, resourceVersion string) (err error) {
	defer func() {
		if value := recover(); value != nil {
			l.log.Error().Str("namespace", namespace).Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while watching")
			err = fmt.Errorf("recovered from a panic of type %T", value)
		}
	}()
	return watcher.Watch(l.watches, namespace, resourceVersion, func(e discovery.Event) {
		e.Namespace = namespace
		select {
		case l.events <- e:
		case <-l.watches.Done():
		}
	})
}

func (l *loop) onWatchEnd(end watchEnd) {
	delete(l.following, end.namespace)
	l.showWatch()
	if !l.stopping {
		l.log.Warn().Err(end.err).Str("namespace", end.namespace).Msg("watch ended, following changes again after the next refresh")
	}
}

// onEvent takes in what a watch saw.
func (l *loop) onEvent(e discovery.Event) {
	l.status.Watch.LastEvent = time.Now()
	if e.Kind != discovery.Relist || l.stopping {
		return
	}
	l.asked[e.Namespace] = e.ResourceVersion
	l.refreshIfAsked()
}

// showWatch enters into the status whether all namespaces are followed.
func (l *loop) showWatch() {
	connected := len(l.following) == len(l.cfg.Namespaces)
	if connected != l.status.Watch.Connected {
		l.status.Watch.Connected, l.status.Watch.Since = connected, time.Now()
	}
}

// refreshIfAsked starts a refresh that the source asked for, also one that it asked for while another was reading.
func (l *loop) refreshIfAsked() {
	if len(l.asked) == 0 || l.attempt != nil || l.stopping {
		return
	}
	clear(l.asked)
	l.begin(TriggerWatch, uuid.NewString())
}
