package sync

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of [RefreshManager].
var (
	ErrAlreadyStarted    = errors.New("refresh manager was started already")
	ErrNotStarted        = errors.New("refresh manager is not started")
	ErrStopped           = errors.New("refresh manager is stopped")
	ErrShutdownTimeout   = errors.New("a running refresh had to be cancelled at shutdown")
	ErrRefreshInProgress = errors.New("target refresh already running")
)

// InProgressError refuses a refresh because one runs. It is [ErrRefreshInProgress].
type InProgressError struct{ Run *Run }

// Error describes the refusal.
func (e *InProgressError) Error() string {
	return fmt.Sprintf("%v since %s", ErrRefreshInProgress, e.Run.StartedAt.UTC().Format(time.RFC3339))
}

// Unwrap returns [ErrRefreshInProgress].
func (e *InProgressError) Unwrap() error { return ErrRefreshInProgress }

// RateLimitError refuses a refresh because the last accepted one was too recent.
type RateLimitError struct {
	RetryAfter time.Duration // until one would be accepted
}

// Error describes the refusal.
func (e *RateLimitError) Error() string {
	return fmt.Sprintf("the next manual refresh is accepted in %s", e.RetryAfter.Round(time.Second))
}

// Run is one refresh that somebody asked for. Its fields do not change.
type Run struct {
	RequestID string
	StartedAt time.Time // zero: it follows the refresh that ran when it was asked for

	done   chan struct{}
	result RefreshStatus // set before done is closed
	err    error         // set before done is closed
}

// NewRun returns a Run and the function that ends it, which is to be called once.
func NewRun(requestID string, startedAt time.Time) (run *Run, end func(RefreshStatus, error)) {
	run = &Run{RequestID: requestID, StartedAt: startedAt, done: make(chan struct{})}
	return run, func(result RefreshStatus, err error) {
		run.result, run.err = result, err
		close(run.done)
	}
}

// Wait returns the status at the end of the refresh, which may have succeeded or failed. It returns [ErrStopped] if the manager was
// stopped first, or while the refresh failed, and ctx's error if ctx ends before the refresh.
func (r *Run) Wait(ctx context.Context) (RefreshStatus, error) {
	select {
	case <-r.done:
		return r.result, r.err
	case <-ctx.Done():
		return RefreshStatus{}, ctx.Err()
	}
}
