package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// heartbeatLimit is how old the engine's heartbeat, which it gives every 10 s, may be: six missed ones are no coincidence.
const heartbeatLimit = 60 * time.Second

// adapter shows the engine to the API.
type adapter struct {
	manager  *targetsync.DefaultRefreshManager
	path     string
	draining *atomic.Bool
}

// Refresh implements [api.Refresher].
func (a *adapter) Refresh(requestID string) (time.Time, error) {
	run, err := a.manager.Refresh(requestID)
	if err == nil {
		return run.StartedAt, nil
	}
	if running, ok := errors.AsType[*targetsync.InProgressError](err); ok {
		return time.Time{}, &api.InProgressError{StartedAt: running.Run.StartedAt}
	}
	if limited, ok := errors.AsType[*targetsync.RateLimitError](err); ok {
		return time.Time{}, &api.RateLimitedError{RetryAfter: limited.RetryAfter}
	}
	switch {
	case errors.Is(err, targetsync.ErrNotStarted):
		return time.Time{}, api.ErrNotStarted
	case errors.Is(err, targetsync.ErrStopped):
		return time.Time{}, api.ErrShuttingDown
	}
	return time.Time{}, err
}

// Alive implements [api.Health].
func (a *adapter) Alive() error {
	if age := a.manager.SinceHeartbeat(); age > heartbeatLimit && !a.draining.Load() {
		return fmt.Errorf("the refresh loop gave no sign of life for %s", age.Round(time.Second))
	}
	return nil
}

// Ready implements [api.Health].
func (a *adapter) Ready() error {
	switch {
	case a.draining.Load():
		return api.ErrShuttingDown
	case !a.manager.GetStatus().Ready:
		return errors.New("no snapshot of this source is in place yet")
	}
	return nil
}

// Status implements [api.StatusSource].
func (a *adapter) Status() api.Status {
	s := a.manager.GetStatus()
	out := api.Status{
		State:               api.State(s.State),
		LastRefresh:         api.Time{Time: s.LastRefresh},
		RefreshDurationMS:   s.Duration.Milliseconds(),
		TargetsDiscovered:   s.Discovered,
		TargetsValid:        s.Valid,
		TargetsInvalid:      s.Invalid,
		NextRefresh:         api.Time{Time: s.NextRefresh},
		Error:               api.Text(s.Error),
		ConsecutiveFailures: s.ConsecutiveFailures,
		ErrorClass:          api.Text(s.ErrorClass),
		Hint:                api.Text(s.Hint),
		InProgressSince:     api.Time{Time: s.InProgressSince},
		LastAttempt:         api.Time{Time: s.LastAttempt},
		LastTrigger:         api.Text(s.LastTrigger),
		Snapshot: api.SnapshotInfo{
			Path: a.path, Epoch: api.Text(s.Snapshot.Epoch), Generation: s.Snapshot.Generation, Checksum: api.Text(s.Snapshot.Checksum),
			Bytes: s.Snapshot.Bytes, ChangedAt: api.Time{Time: s.Snapshot.ChangedAt}, StaleAfter: api.Time{Time: s.Snapshot.StaleAfter}, Kept: s.Snapshot.Kept,
		},
	}
	if m := s.LastManual; m.RequestID != "" {
		out.LastManual = &api.LastManual{RequestID: m.RequestID, State: api.State(m.State),
			StartedAt: api.Time{Time: m.StartedAt}, FinishedAt: api.Time{Time: m.FinishedAt}, Error: api.Text(m.Error)}
	}
	for _, n := range s.Namespaces {
		out.Namespaces = append(out.Namespaces, api.Namespace{Name: n.Name, Secrets: n.Secrets,
			LastSuccess: api.Time{Time: n.LastSuccess}, Error: api.Text(n.Error)})
	}
	for _, r := range s.Rejections {
		out.Invalid = append(out.Invalid, api.InvalidSecret(r))
	}
	return out
}
