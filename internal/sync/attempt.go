package sync

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// attempts are the refreshes of this process. At most one runs.
type attempts struct {
	running *attempt // nil while none runs
	last    *attempt // the attempt that ended last; nil before the first end
	manual  *attempt // the last attempt that somebody asked for; nil before the first request
	planned *planned // the refresh that follows the running one; nil if nobody asked for it

	failedInARow int           // failed attempts since the last success
	listed       chan []listed // what the LIST of the running attempt found
}

// attempt is one refresh. It is kept after its end, because the status speaks of it.
type attempt struct {
	run     *Run
	ends    []func(RefreshStatus, error) // tell those who wait for run, or for the planned Run that led to it
	trigger Trigger
	number  int            // place in the series of retries, from 1
	free    bool           // the attempt cost no token of the rate limit
	log     zerolog.Logger // adds the request ID, which every line of a refresh has
	cancel  context.CancelFunc

	listedAt   time.Time // end of the LIST; zero while it runs
	answered   int       // number of namespaces that answered
	unanswered *failure  // why the other namespaces did not; nil if all answered
	published  bool      // the news of the namespaces that answered is in place
	ended      time.Time // zero while the attempt runs
	took       time.Duration
	failure    *failure // nil while the attempt runs, and after a success
}

// planned is a refresh that starts when the running one has ended.
type planned struct {
	run  *Run
	end  func(RefreshStatus, error)
	free bool
}

// begin makes a new attempt the running one.
func (a *attempts) begin(trigger Trigger, requestID string, log zerolog.Logger) *attempt {
	run, end := NewRun(requestID, time.Now())
	started := &attempt{
		run: run, ends: []func(RefreshStatus, error){end}, trigger: trigger, number: 1,
		log: log.With().Str("request_id", requestID).Logger(),
	}
	if trigger == TriggerRetry {
		started.number = a.last.number + 1
	}
	if trigger == TriggerManual {
		a.manual = started
	}
	a.running = started
	return started
}

// end makes the running attempt the last one. It failed with f, or succeeded if f is nil.
func (a *attempts) end(f *failure) *attempt {
	ended := a.running
	a.running, a.last = nil, ended
	ended.cancel()
	ended.ended, ended.took, ended.failure = time.Now(), time.Since(ended.run.StartedAt), f
	if f == nil {
		a.failedInARow = 0
	} else {
		a.failedInARow++
	}
	return ended
}

// succeedLate makes a success of the last attempt, of which only the write had failed.
func (a *attempts) succeedLate() {
	a.last.ended, a.last.failure, a.failedInARow = time.Now(), nil, 0
}

// listing reports whether a LIST runs.
func (a *attempts) listing() bool { return a.running != nil && a.running.listedAt.IsZero() }

// failedBy returns the kind of failure that the last attempt ended with, "" if it succeeded.
func (a *attempts) failedBy() source.ErrorType {
	if a.last == nil || a.last.failure == nil {
		return ""
	}
	return a.last.failure.kind
}

// plan has a refresh follow the running one.
func (a *attempts) plan(requestID string, free bool) *Run {
	run, end := NewRun(requestID, time.Time{})
	a.planned = &planned{run: run, end: end, free: free}
	return run
}

// dropPlanned gives up the refresh that was to follow.
func (a *attempts) dropPlanned() {
	if a.planned != nil {
		a.planned.end(RefreshStatus{}, ErrStopped)
		a.planned = nil
	}
}

// state is the attempt's state as a status has it.
func (a *attempt) state() State {
	switch {
	case a.ended.IsZero():
		return StateInProgress
	case a.failure != nil:
		return StateFailed
	}
	return StateSuccess
}
