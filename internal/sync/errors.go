package sync

import (
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
