package sync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	heartbeatInterval = 10 * time.Second
	// shutdownGrace is what a cancelled LIST gets to return; a write may take longer, but the process does not wait for it.
	shutdownGrace = time.Second
)

// RefreshManager keeps the snapshot fresh. All methods may be called concurrently.
type RefreshManager interface {
	// Start begins refreshing in the background: at once, then by the schedule. It returns ErrAlreadyStarted, or ErrStopped after Stop.
	Start() error
	// Stop starts no refresh any more, lets a running one finish until the timeout and then cancels it: ErrShutdownTimeout. A write is
	// never cut. It returns when nothing runs any more, at the latest a second after the timeout. Later calls wait and return nil.
	Stop(timeout time.Duration) error
	// RefreshNow starts a refresh and does not wait for it. It returns *InProgressError, *RateLimitError,
	// ErrNotStarted or ErrStopped.
	RefreshNow() error
	// GetStatus returns a copy of the present state, without locks or allocations; its slices are shared and must not be changed.
	GetStatus() RefreshStatus
}

// DefaultRefreshManager is the RefreshManager of this package.
type DefaultRefreshManager struct {
	loop      *loop
	status    atomic.Pointer[RefreshStatus]
	published atomic.Pointer[Published]
	beat      atomic.Int64 // nanoseconds from born to the loop's last heartbeat
	born      time.Time
	requests  chan request
	stopping  chan struct{}      // closed by Stop
	done      chan struct{}      // closed when the loop and all its goroutines have ended
	cancel    context.CancelFunc // ends a running refresh

	abandoned atomic.Bool // a refresh was cancelled at shutdown

	mu      sync.Mutex // guards the life cycle
	started bool
	stopped bool
}

var _ RefreshManager = (*DefaultRefreshManager)(nil)

// New returns a manager that is not started. All faults of the Config are reported at once.
func New(cfg Config) (*DefaultRefreshManager, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configuring refresh manager: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &DefaultRefreshManager{
		born:     time.Now(),
		requests: make(chan request),
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
		cancel:   cancel,
	}
	m.loop = newLoop(ctx, cfg, m)
	m.loop.show()
	return m, nil
}

// Start implements [RefreshManager].
func (m *DefaultRefreshManager) Start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.stopped:
		return ErrStopped
	case m.started:
		return ErrAlreadyStarted
	}
	m.started = true
	m.heartbeat()
	go func() {
		defer close(m.done)
		defer m.cancel()
		m.loop.run()
	}()
	return nil
}

// Stop implements [RefreshManager].
func (m *DefaultRefreshManager) Stop(timeout time.Duration) error {
	first, err := m.beginStop()
	if err != nil {
		return err
	}
	if !first {
		<-m.done
		return nil
	}
	select {
	case <-m.done:
		return nil
	case <-time.After(timeout):
	}
	m.cancel()
	select {
	case <-m.done:
		if !m.abandoned.Load() {
			return nil
		}
	case <-time.After(shutdownGrace):
	}
	return ErrShutdownTimeout
}

func (m *DefaultRefreshManager) beginStop() (first bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.started {
		return false, ErrNotStarted
	}
	if m.stopped {
		return false, nil
	}
	m.stopped = true
	close(m.stopping)
	return true, nil
}

// RefreshNow implements [RefreshManager].
func (m *DefaultRefreshManager) RefreshNow() error {
	_, err := m.Refresh(uuid.NewString())
	return err
}

// Refresh is RefreshNow with the ID that log lines carry, and returns the started refresh.
func (m *DefaultRefreshManager) Refresh(requestID string) (*Run, error) {
	a := m.ask(request{id: requestID})
	return a.run, a.err
}

// RefreshAfter returns a refresh that begins reading after the call: it starts one or, while one runs, plans the one that follows.
// Everybody who asks while the same refresh runs shares the one that follows; began is false for all of them but the first. It returns
// *RateLimitError, ErrNotStarted or ErrStopped.
//
// A planned refresh costs a token of the rate limit if there is one, and else is free, unless the refresh that runs was free itself: so
// two refreshes a token are the most that callers can cause.
func (m *DefaultRefreshManager) RefreshAfter(requestID string) (run *Run, began bool, err error) {
	a := m.ask(request{id: requestID, mayFollow: true})
	return a.run, a.began, a.err
}

// ask puts a request to the loop.
func (m *DefaultRefreshManager) ask(r request) answer {
	m.mu.Lock()
	started, stopped := m.started, m.stopped
	m.mu.Unlock()
	switch {
	case stopped:
		return answer{err: ErrStopped}
	case !started:
		return answer{err: ErrNotStarted}
	}
	reply := make(chan answer, 1)
	r.reply = reply
	select {
	case m.requests <- r:
		return <-reply
	case <-m.done:
		return answer{err: ErrStopped}
	}
}

// GetStatus implements [RefreshManager].
func (m *DefaultRefreshManager) GetStatus() RefreshStatus { return *m.status.Load() }

// Published is a document in place.
type Published struct {
	Document *targetsfile.Document
	Versions []string // resourceVersions of the Secrets of Document.Entries, in their order; "" where not known
}

// Published returns the document in place, or nil. It is immutable.
func (m *DefaultRefreshManager) Published() *Published { return m.published.Load() }

// Done is closed when refreshing has ended: after Stop, or when Config.Attempts are used up or one succeeded.
func (m *DefaultRefreshManager) Done() <-chan struct{} { return m.done }

// SinceHeartbeat returns how long ago the loop last showed that it runs; it does so every 10 s.
func (m *DefaultRefreshManager) SinceHeartbeat() time.Duration {
	return time.Since(m.born) - time.Duration(m.beat.Load())
}

func (m *DefaultRefreshManager) heartbeat() { m.beat.Store(int64(time.Since(m.born))) }

// request asks the loop for a manual refresh.
type request struct {
	id        string
	mayFollow bool          // while a refresh runs, the next one is wanted; false: that is refused
	reply     chan<- answer // buffered
}

type answer struct {
	run   *Run
	began bool // the refresh was started or planned for this request; false: for an earlier one
	err   error
}

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
