package sync

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// start starts a refresh. One refresh is:
//
//  1. take the single-flight slot
//  2. start the attempt's own timeout: retries do not share one
//  3. LIST all pages of every namespace
//  4. decode and validate
//  5. replace the catalogue and follow changes from there, if that is not done already
//  6. merge with the last good targets
//  7. guard against a suspiciously small result
//  8. publish
//  9. record the outcome and one log line; arm the one timer
func (l *loop) start(trigger Trigger, requestID string) *attempt {
	// (1)
	l.schedule.begin()
	l.requests.begin()
	l.catalogue.beginList()
	a := l.attempts.begin(trigger, requestID, l.log)
	l.metrics.triggers.WithLabelValues(string(trigger)).Inc()
	a.log.Debug().Str("trigger", string(trigger)).Int("attempt", a.number).Msg("refresh started")
	// (2)
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.Timeout)
	a.cancel = cancel
	// (3, 4)
	lister := lister{source: l.cfg.Source, log: a.log}
	l.workers.Go(func() { l.attempts.listed <- lister.list(ctx, l.cfg.Namespaces) })
	return a
}

// onListed is step 5. Namespaces are the unit of failure: the news of those that answered is published although others failed.
func (l *loop) onListed(results []listed) {
	a := l.attempts.running
	if slices.ContainsFunc(results, func(r listed) bool { return r.cancelled }) {
		l.abandon()
		return
	}
	a.listedAt = time.Now()
	failures := map[string]*failure{}
	for _, r := range results {
		if r.failure != nil {
			failures[r.namespace] = r.failure
			l.catalogue.fail(r.namespace, r.failure)
		} else {
			a.answered++
			news, wentBack := l.catalogue.replace(r.listing, a.listedAt)
			l.reports.expect(news...)
			if wentBack {
				l.rewind(a, r.namespace)
			}
		}
		l.follow(r.namespace, r.listing.ResourceVersion)
		l.requests.listed(r.namespace, r.listing.ResourceVersion)
	}
	l.catalogue.endList()
	a.unanswered = joinFailures(failures, l.cfg.Namespaces)
	if l.publications.writing == nil {
		l.publishRefresh()
	}
}

// publishRefresh is steps 6 to 8 of a refresh whose LIST has ended, once the publisher is free.
func (l *loop) publishRefresh() {
	a := l.attempts.running
	// Half of the first snapshot would tell a new pod that the other half does not exist.
	if a.answered == 0 || l.publications.inPlace == nil && !l.catalogue.complete() {
		l.finish(a.unanswered)
		return
	}
	// (6)
	begun := time.Now()
	m := l.merge(a.log)
	// (7)
	if f := l.guard(m); f != nil {
		l.publications.withhold(m.counts(), nil, nil)
		if a.unanswered != nil {
			f = a.unanswered
		}
		l.finish(f)
		return
	}
	// (8)
	if a.unanswered == nil {
		l.publications.lastCompleteList = a.listedAt
	}
	l.publications.forgetFailedWrite()
	l.publish(m, publication{log: a.log, begun: begun, refresh: a})
}

// finish is step 9: the running attempt failed with f, or succeeded if f is nil.
func (l *loop) finish(f *failure) {
	class := l.schedule.end(f)
	if f != nil {
		classified := *f
		classified.class = class
		f = &classified
	}
	a := l.attempts.end(f)
	l.metrics.finished(a)
	cut := f != nil && l.stopping
	l.giveUp(f)
	l.logOutcome(a)
	l.endRun(a, cut)
	if l.cfg.AfterRefresh != nil {
		l.workers.Go(l.cfg.AfterRefresh)
	}
	l.startNext()
}

// startNext starts the refresh that somebody planned to follow the one that has just ended, or has those start that watches asked for.
func (l *loop) startNext() {
	p := l.attempts.planned
	switch {
	case l.stopping:
	case p != nil:
		l.attempts.planned = nil
		next := l.start(TriggerManual, p.run.RequestID)
		next.ends, next.free = append(next.ends, p.end), p.free
	default:
		l.requests.arm(l.schedule.hold.until())
	}
}

// endRun tells those who wait for a refresh how it ended. One that was cut, or failed when nobody would try again, tells them nothing.
func (l *loop) endRun(a *attempt, cut bool) {
	var err error
	if cut {
		err = ErrStopped
	}
	l.show() // who waits must not find an older status or document afterwards
	status := l.manager.GetStatus()
	for _, end := range a.ends {
		end(status, err)
	}
}

// giveUp ends the loop where Config.Attempts says so: after a success, or when attempts and writes have failed that often.
func (l *loop) giveUp(f *failure) {
	if l.cfg.Attempts == 0 || l.stopping {
		return
	}
	if f != nil {
		l.failed++
	}
	if f == nil || l.failed >= l.cfg.Attempts {
		l.stop()
	}
}

// abandon ends an attempt that the end of Stop's patience cancelled. It counts neither as a success nor as a failure.
func (l *loop) abandon() {
	failedBefore := l.attempts.failedInARow
	a := l.attempts.end(&failure{class: ClassTransient, err: ErrShutdownTimeout})
	l.attempts.failedInARow = failedBefore
	l.manager.abandoned.Store(true)
	a.log.Warn().Str("trigger", string(a.trigger)).Msg("refresh cancelled at shutdown, the last snapshot stays")
	l.endRun(a, true)
}

// listed is what became of one namespace's LIST.
type listed struct {
	namespace string
	listing   source.Listing
	failure   *failure
	cancelled bool
}

// lister does steps 3 and 4 of a refresh, in a goroutine of its own.
type lister struct {
	source Source
	log    zerolog.Logger
}

// list lists one namespace after the other. Each has an equal share of the time that is left, so that one which hangs does not fail those
// behind it; what a quick one leaves goes to the rest.
func (s lister) list(ctx context.Context, namespaces []string) []listed {
	deadline, _ := ctx.Deadline() // start set one
	results := make([]listed, len(namespaces))
	for i, namespace := range namespaces {
		share, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(results)-i))
		results[i] = s.listNamespace(share, namespace)
		cancel()
	}
	return results
}

func (s lister) listNamespace(ctx context.Context, namespace string) (result listed) {
	result.namespace = namespace
	defer func() {
		if value := recover(); value != nil {
			s.log.Error().Str("namespace", namespace).Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while listing, going on")
			result.failure = panicFailure(value)
		}
	}()
	listing, err := s.source.List(ctx, namespace)
	listing.Namespace = namespace
	result.listing = listing
	if err != nil {
		result.failure = listFailure(err)
		result.cancelled = errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled)
	}
	return result
}
