package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
func (a *adapter) Refresh(requestID string) (api.Run, error) {
	run, err := a.manager.Refresh(requestID)
	if err == nil {
		return a.run(run), nil
	}
	if running, ok := errors.AsType[*targetsync.InProgressError](err); ok {
		return api.Run{}, &api.InProgressError{Run: a.run(running.Run)}
	}
	if limited, ok := errors.AsType[*targetsync.RateLimitError](err); ok {
		return api.Run{}, &api.RateLimitedError{RetryAfter: limited.RetryAfter}
	}
	return api.Run{}, lifecycleError(err)
}

func (a *adapter) run(run *targetsync.Run) api.Run {
	return api.Run{StartedAt: run.StartedAt, Wait: func(ctx context.Context) (api.Status, error) {
		status, err := run.Wait(ctx)
		if err == nil && a.draining.Load() && status.State != targetsync.StateSuccess {
			err = targetsync.ErrStopped // it was cancelled, or it failed when nobody would try again
		}
		return a.status(status), lifecycleError(err)
	}}
}

// lifecycleError maps what the engine says of its life cycle.
func lifecycleError(err error) error {
	switch {
	case errors.Is(err, targetsync.ErrNotStarted):
		return api.ErrNotStarted
	case errors.Is(err, targetsync.ErrStopped):
		return api.ErrShuttingDown
	}
	return err
}

// Targets implements [api.TargetSource].
func (a *adapter) Targets() api.Publication {
	published := a.manager.Published()
	if published == nil {
		return api.Publication{}
	}
	d := published.Document
	out := api.Publication{Epoch: api.Text(d.Epoch), Generation: d.Generation, ChangedAt: api.Time{Time: d.ChangedAt},
		Targets: make([]api.Target, len(d.Entries))}
	for i := range d.Entries {
		t := &d.Entries[i].Target
		out.Targets[i] = api.Target{
			Name: t.Name, Type: t.Type, Format: t.PayloadFormat, Enabled: t.Enabled, Host: t.Host(),
			HeaderNames: slices.Collect(maps.Keys(t.Headers)),
			Secret:      t.Secret, ResourceVersion: api.Text(published.Versions[i]), StaleSince: api.Time{Time: t.StaleSince},
		}
	}
	return out
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
func (a *adapter) Status() api.Status { return a.status(a.manager.GetStatus()) }

func (a *adapter) status(s targetsync.RefreshStatus) api.Status {
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
	out.Watch = api.Watch{Enabled: s.Watch.Enabled, Connected: s.Watch.Connected,
		Since: api.Time{Time: s.Watch.Since}, LastEvent: api.Time{Time: s.Watch.LastEvent}, Error: api.Text(s.Watch.Error)}
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
