package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// live is a cluster that can be watched, as an API server can: from a version on, events in order, with a bookmark when asked.
type live struct {
	*cluster
	opens   []time.Duration // when each watch was asked for, since born
	froms   []string        // and from which version
	refuse  error           // of every watch; nil: they open
	panics  bool            // with the next event
	checks  int             // of the version
	watches map[*liveWatch]bool
}

// liveWatch is one open watch.
type liveWatch struct {
	namespace string
	from      int // events up to this version are not told
	events    chan source.Event
	end       chan error
}

// followed makes the harness's cluster one that can be watched.
func followed(h *harness) {
	h.live = &live{cluster: h.cluster, watches: map[*liveWatch]bool{}}
	h.config.Source = h.live
	h.cluster.onChange = h.live.tell
}

// Watch implements sync.Watcher.
func (l *live) Watch(ctx context.Context, namespace, version string, emit func(source.Event)) error {
	l.mu.Lock()
	l.opens, l.froms = append(l.opens, time.Since(l.born)), append(l.froms, version)
	if l.refuse != nil {
		defer l.mu.Unlock()
		return l.refuse
	}
	w := &liveWatch{namespace: namespace, events: make(chan source.Event, 10_000), end: make(chan error, 1)}
	w.from, _ = strconv.Atoi(version)
	for _, e := range l.history {
		w.tell(e)
	}
	l.watches[w] = true
	l.mu.Unlock()
	defer l.set(func(*cluster) { delete(l.watches, w) })
	emit(source.Event{Kind: source.Opened, ResourceVersion: version})
	for {
		select {
		case e := <-w.events:
			if l.panics {
				panic("a panic that quotes canary-value")
			}
			emit(e)
		case err := <-w.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell passes an event to the open watches. The cluster is locked.
func (l *live) tell(e source.Event) {
	for w := range l.watches {
		w.tell(e)
	}
}

// tell passes an event on if the watch is for it.
func (w *liveWatch) tell(e source.Event) {
	if at, _ := strconv.Atoi(e.ResourceVersion); at > w.from && e.Namespace == w.namespace {
		w.events <- e
	}
}

// Version implements sync.Versioner.
func (l *live) Version(context.Context, string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checks++
	return strconv.Itoa(l.version), l.failing["*"]
}

// restore brings an earlier state back, as a backup of etcd does: versions go on from there, and open watches hear nothing before the
// versions that they have seen have passed.
func (l *live) restore(version int) {
	l.set(func(c *cluster) {
		c.version = version
		c.history = slices.DeleteFunc(c.history, func(e source.Event) bool {
			at, _ := strconv.Atoi(e.ResourceVersion)
			return at > version
		})
		c.secrets = map[string]map[string]source.Secret{testNamespace: {}}
		for _, e := range c.history {
			name := strings.TrimPrefix(e.Secret.Key, testNamespace+"/")
			if e.Kind == source.Delete {
				delete(c.secrets[testNamespace], name)
			} else {
				c.secrets[testNamespace][name] = e.Secret
			}
		}
	})
}

// bookmark tells the watches of the present version.
func (l *live) bookmark() {
	l.set(func(c *cluster) {
		c.version++
		l.tell(source.Event{Namespace: testNamespace, Kind: source.Bookmark, ResourceVersion: fmt.Sprint(c.version)})
	})
	synctest.Wait()
}

// cut ends all watches, and lets new ones fail with refuse, unless that is nil.
func (l *live) cut(end, refuse error) {
	l.set(func(*cluster) {
		l.refuse = refuse
		for w := range l.watches {
			w.end <- end
		}
	})
	synctest.Wait()
}

// heal lets watches open again.
func (l *live) heal() { l.set(func(*cluster) { l.refuse = nil }) }

// opened returns when watches were asked for, since a moment.
func (l *live) opened(since time.Duration) (at []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, open := range l.opens {
		if open >= since {
			at = append(at, open-since)
		}
	}
	return at
}

func (l *live) lastFrom() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.froms[len(l.froms)-1]
}

func ended(how source.WatchEnd) *source.Error {
	return &source.Error{End: how, Err: errors.New("the watch ended: " + string(how)), Hint: "look at the API server"}
}
