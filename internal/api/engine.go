package api

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Refresher starts refreshes. It is called concurrently.
type Refresher interface {
	// Refresh starts a refresh and returns without waiting for its end. The ID is to appear in every log line of it.
	//
	// It refuses with an [*InProgressError], a [*RateLimitedError], [ErrNotStarted] or [ErrShuttingDown]; each of them may be
	// wrapped. Any other error is answered with 500 and logged, so its text must hold nothing secret.
	Refresh(requestID string) (Run, error)
}

// Run is a refresh that runs, or ran.
type Run struct {
	StartedAt time.Time

	// Wait returns the status at the end of the refresh, be that a success or a failure. It returns an error if ctx ends first, and
	// [ErrShuttingDown], perhaps wrapped, if the engine stops first. It is called concurrently: several callers may join one run.
	Wait func(ctx context.Context) (Status, error)
}

// StatusSource tells how refreshes went. It is called concurrently and must not block.
type StatusSource interface {
	// Status returns the present state. The slices in it are only read.
	Status() Status
}

// Health answers the probes. It is called concurrently and must not block. The errors' texts are shown to callers: they must hold
// nothing secret.
type Health interface {
	// Alive returns nil unless a restart of the process is the only cure.
	Alive() error
	// Ready returns nil once targets are published, and [ErrShuttingDown], perhaps wrapped, while the process ends.
	Ready() error
}

// Refusals without further facts.
var (
	ErrNotStarted   = errors.New("refreshing has not started")
	ErrShuttingDown = errors.New("shutting down")
)

// InProgressError refuses a refresh because one is running. A caller who wants to wait for an end waits for that one's.
type InProgressError struct {
	Run Run
}

// Error implements error.
func (e *InProgressError) Error() string {
	return "a refresh is running since " + e.Run.StartedAt.UTC().Format(timeFormat)
}

// RateLimitedError refuses a refresh because the last one was asked for too recently.
type RateLimitedError struct {
	RetryAfter time.Duration // until the next one would be accepted; callers are told whole seconds, rounded up, at least 1
}

// Error implements error.
func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("the next refresh is allowed in %s", e.RetryAfter)
}
