package sync

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// An API server can go back: its etcd was restored from a backup. A watch that is opened at a version which lies in the future then is
// accepted and says nothing, not even a bookmark, until the server has passed that version. Two things tell: a LIST that is older than what
// was known when it began, and, for a watch that is open again after trouble, a check of the server's present version.

// versionSeen is the outcome of a check.
type versionSeen struct {
	by        *follower
	namespace string
	version   string
}

// checkVersion finds out in the background whether the API server is older than what is known of a namespace.
func (l *loop) checkVersion(namespace string) {
	f := &l.following
	w := f.watches[namespace]
	versioner, ok := f.watcher.(Versioner)
	if !ok || w.checking {
		return
	}
	w.checking = true
	check := versionCheck{versioner: versioner, seen: versionSeen{by: w.by, namespace: namespace}, exact: f.exact, report: f.checked,
		hold: &l.schedule.hold, interval: f.interval, log: f.log}
	ctx := w.ctx
	l.workers.Go(func() { check.run(ctx) })
}

// onVersion takes in a check. Where the server has gone back, a LIST says to what. One that runs may have begun before.
func (l *loop) onVersion(s versionSeen) {
	w := l.following.watches[s.namespace]
	if w.by != s.by {
		return
	}
	w.checking = false
	if l.catalogue.isAheadOf(s.namespace, s.version) {
		l.requests.fromWatch(l.schedule.hold.until())
	}
}

// rewind takes in that a LIST is older than what was known when it began.
func (l *loop) rewind(a *attempt, namespace string) {
	l.following.restart(namespace)
	a.log.Warn().Str("namespace", namespace).
		Str("hint", "after a restore of etcd this is expected; otherwise, do the API servers behind this address belong to one cluster?").
		Msg("the API server has gone back to an older state, which is published as the present one")
}

// versionCheck asks for the version until there is an answer, or the follower has ended.
type versionCheck struct {
	versioner Versioner
	seen      versionSeen
	exact     bool
	report    chan<- versionSeen
	hold      *hold         // until when the answer to a LIST asked to be left alone: checks keep to it, too
	interval  time.Duration // the longest Retry-After that is heeded
	log       zerolog.Logger
}

func (c versionCheck) run(ctx context.Context) {
	least := time.Duration(0)
	for {
		wait := checkWithin
		if !c.exact {
			wait = rand.N(checkWithin) // #nosec G404 -- it spreads load, it hides nothing
		}
		for wait = max(wait, least); wait > 0; wait = time.Until(c.hold.until()) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
		version, err := c.version(ctx)
		if err != nil {
			f := listFailure(err)
			least = min(f.retryAfter, c.interval)
			if f.class == ClassPermanent {
				least = max(least, deniedConfirmation)
			}
			continue
		}
		c.seen.version = version
		select {
		case c.report <- c.seen:
		case <-ctx.Done():
		}
		return
	}
}

// version asks once.
func (c versionCheck) version(ctx context.Context) (version string, err error) {
	defer func() {
		if value := recover(); value != nil {
			c.log.Error().Str("namespace", c.seen.namespace).Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while checking, going on")
			err = panicFailure(value).err
		}
	}()
	patience, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.versioner.Version(patience, c.seen.namespace)
}

// isAheadOf reports whether what is known of a namespace is newer than a version.
func (c *catalogue) isAheadOf(namespace, version string) bool {
	known := c.known[namespace]
	return known != nil && source.Newer(known.version, version)
}
