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

// attempt is one refresh.
type attempt struct {
	run      *Run
	end      func(RefreshStatus, error) // of run
	log      zerolog.Logger             // with the request ID, which is in every line of a refresh
	trigger  Trigger
	number   int
	cancel   context.CancelFunc
	listedAt time.Time     // end of the LIST; zero: it runs
	took     time.Duration // of the LIST and what followed, by the monotonic clock
	failure  *failure      // of namespaces
	reached  int           // namespaces that answered
	written  bool          // something was published, be it only a part

	endFollowing func(RefreshStatus, error) // of the run that whoever asked during the refresh before waits for; nil: nobody
}

// listed is what became of one namespace's LIST.
type listed struct {
	namespace string
	listing   source.Listing
	failure   *failure
	cancelled bool
}

// begin starts a refresh. One refresh is:
//
//  1. take the single-flight slot
//  2. start the attempt's own timeout: retries do not share one
//  3. LIST all pages of every namespace
//  4. decode and validate
//  5. replace the catalogue and follow changes from there, if that is not done already
//  6. merge with the last good targets
//  7. guard against a suspiciously small result
//  8. publish
//  9. record status, metrics and one log line; arm the one timer
func (l *loop) begin(trigger Trigger, requestID string) *Run {
	// (1)
	l.next.Stop()
	l.demands.pending = false
	clear(l.changes.since)
	if trigger == TriggerRetry {
		l.number++
	} else {
		l.series, l.number = requestID, 1
	}
	run, end := NewRun(requestID, time.Now())
	// (2)
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.Timeout)
	log := l.log.With().Str("request_id", requestID).Logger()
	l.attempt = &attempt{run: run, end: end, log: log, trigger: trigger, number: l.number, cancel: cancel}
	l.metrics.triggers.WithLabelValues(string(trigger)).Inc()
	l.metrics.inProgress.Set(1)
	l.status.State = StateInProgress
	l.status.InProgressSince, l.status.LastAttempt, l.status.LastTrigger = run.StartedAt, run.StartedAt, trigger
	l.status.NextRefresh = time.Time{}
	if trigger == TriggerManual {
		l.status.LastManual = ManualRefresh{RequestID: requestID, State: StateInProgress, StartedAt: run.StartedAt}
	}
	log.Debug().Str("trigger", string(trigger)).Int("attempt", l.number).Msg("refresh started")
	l.workers.Go(func() { l.listed <- l.list(ctx, log) })
	return run
}

// list runs in the lister goroutine: steps 3 and 4, one namespace after the other. Each has an equal share of the time that is left, so
// that one which hangs does not fail those behind it; what a quick one leaves goes to the rest.
func (l *loop) list(ctx context.Context, log zerolog.Logger) []listed {
	deadline, _ := ctx.Deadline() // begin set one
	results := make([]listed, len(l.cfg.Namespaces))
	for i, namespace := range l.cfg.Namespaces {
		mine, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(results)-i))
		results[i] = l.listNamespace(mine, log, namespace)
		cancel()
	}
	return results
}

func (l *loop) listNamespace(ctx context.Context, log zerolog.Logger, namespace string) (result listed) {
	result.namespace = namespace
	defer func() {
		if value := recover(); value != nil {
			log.Error().Str("namespace", namespace).Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while listing, going on")
			result.failure = panicFailure(value)
		}
	}()
	listing, err := l.cfg.Source.List(ctx, namespace)
	listing.Namespace = namespace
	result.listing = listing
	if err != nil {
		result.failure = listFailure(err)
		result.cancelled = errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled)
	}
	return result
}

// onListed is step 5. Namespaces are the unit of failure: the news of those that answered is published although others failed.
func (l *loop) onListed(results []listed) {
	a := l.attempt
	a.listedAt = time.Now()
	failures := map[string]*failure{}
	l.status.Namespaces = slices.Clone(l.status.Namespaces)
	for i, r := range results {
		if r.cancelled {
			l.abandon()
			return
		}
		status := &l.status.Namespaces[i]
		if r.failure != nil {
			failures[r.namespace] = r.failure
			status.Error = r.failure.err.Error()
		} else {
			a.reached++
			logWarnings(a.log, l.catalogue.replace(r.listing, l.changes.since[r.namespace]))
			status.Secrets, status.LastSuccess, status.Error = l.catalogue.count(r.namespace), a.listedAt, ""
		}
		l.follow(r.namespace, r.listing.ResourceVersion)
		if l.asked[r.namespace] == r.listing.ResourceVersion {
			delete(l.asked, r.namespace)
		}
	}
	clear(l.changes.since)
	a.failure = joinFailures(failures, l.cfg.Namespaces)
	if l.publishing == nil {
		l.publishRefresh()
	}
}

// finish is step 9.
func (l *loop) finish(f *failure, p plan) {
	a := l.attempt
	l.attempt = nil
	a.cancel()
	a.took = time.Since(a.run.StartedAt)
	l.status.Duration = a.took
	l.status.InProgressSince = time.Time{}
	l.metrics.inProgress.Set(0)
	if f == nil {
		l.succeed(a)
	} else {
		l.fail(a, f, p)
	}
	l.giveUp(f)
	l.mayRecover = f != nil && p.class == ClassTransient && !f.denied
	l.heldUntil = time.Time{}
	if f != nil {
		l.heldUntil = time.Now().Add(min(f.retryAfter, l.cfg.Interval))
	}
	l.arm(p)
	l.logOutcome(a, f)
	l.endManual(a)
	l.tell(a, f)
	if l.cfg.AfterRefresh != nil {
		l.workers.Go(l.cfg.AfterRefresh)
	}
	l.startFollowing()
	l.refreshIfAsked()
}

// tell ends the wait of those who wait for the attempt.
func (l *loop) tell(a *attempt, f *failure) {
	var err error
	if f != nil && l.stopping {
		err = ErrStopped // nobody tries again
	}
	a.end(l.status, err)
	if a.endFollowing != nil {
		a.endFollowing(l.status, err)
	}
}

// endManual enters the end of a manual refresh into the status.
func (l *loop) endManual(a *attempt) {
	if m := &l.status.LastManual; a.trigger == TriggerManual && m.RequestID == a.run.RequestID {
		m.State, m.FinishedAt, m.Error = l.status.State, time.Now(), l.status.Error
	}
}

// succeed records the success of a refresh.
func (l *loop) succeed(a *attempt) {
	l.status.State = StateSuccess
	l.markFresh(a.listedAt)
	l.metrics.refreshes.WithLabelValues(string(StateSuccess)).Inc()
	l.metrics.duration.WithLabelValues(string(StateSuccess)).Observe(a.took.Seconds())
}

// markFresh ends an outage, if there was one: what was listed at that time is in place.
func (l *loop) markFresh(listedAt time.Time) {
	l.status.LastRefresh = listedAt
	l.status.ConsecutiveFailures = 0
	l.attemptFault, l.changeFault = fault{}, fault{}
	l.showFault()
	l.metrics.lastSuccess.Set(unixSeconds(listedAt))
	l.metrics.consecutive.Set(0)
	l.metrics.setFailing("")
}

func (l *loop) fail(a *attempt, f *failure, p plan) {
	l.status.State = StateFailed
	l.status.ConsecutiveFailures++
	l.attemptFault, l.changeFault = faultOf(f, p.class), fault{}
	l.showFault()
	l.metrics.consecutive.Set(float64(l.status.ConsecutiveFailures))
	l.metrics.setFailing(p.class)
	l.metrics.errors.WithLabelValues(string(f.kind)).Inc()
	l.metrics.refreshes.WithLabelValues(string(StateFailed)).Inc()
	l.metrics.duration.WithLabelValues(string(StateFailed)).Observe(a.took.Seconds())
	if l.owed != nil && l.owed.refresh != a {
		l.owed.refresh = nil // a later attempt failed: completing the write does not make the refresh a success any more
	}
}

// giveUp ends the loop where Config.Attempts says so.
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

// arm sets the one timer of refreshes.
func (l *loop) arm(p plan) {
	if l.stopping {
		return
	}
	l.nextIs = p.trigger
	l.next.Reset(p.wait)
	l.status.NextRefresh = time.Now().Add(p.wait)
}

// abandon ends an attempt that the end of Stop's patience cancelled.
func (l *loop) abandon() {
	a := l.attempt
	l.attempt = nil
	a.cancel()
	l.metrics.inProgress.Set(0)
	l.status.State, l.status.InProgressSince = StateFailed, time.Time{}
	l.status.Error = ErrShutdownTimeout.Error()
	l.endManual(a)
	l.manager.abandoned.Store(true)
	a.log.Warn().Str("trigger", string(a.trigger)).Msg("refresh cancelled at shutdown, the last snapshot stays")
	a.end(l.status, ErrStopped)
	if a.endFollowing != nil {
		a.endFollowing(l.status, ErrStopped)
	}
}
