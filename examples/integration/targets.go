package main

import (
	"context"
	"time"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
)

// Targets is the discovery of both of the app's layers: [core.Discovery] and [core.DiscoveryManager]. Its targets are shared: treat them
// as read-only.
type Targets struct {
	*discovery.Discovery[*core.PublishingTarget]
}

// openTargets follows the snapshot at path. An app that has no targets, or no snapshot yet, starts all the same.
func openTargets(ctx context.Context, path, sidecarURL string) (*Targets, error) {
	d, err := discovery.Open(ctx, discovery.Config[*core.PublishingTarget]{
		Path: path, Sidecar: sidecarURL, ReadyWithin: 10 * time.Second,
		Convert:  convert,
		NotFound: func(name string) error { return &core.ErrTargetNotFound{Name: name} },
		ErrorCodes: map[string]string{ // what the app's clients have been told so far
			"rate_limited": "rate_limit_exceeded", "invalid_body": "invalid_request", "invalid_query": "invalid_request", "internal": "internal_error",
			"not_started": "manager_not_started", "shutting_down": "manager_not_started", "sidecar_unavailable": "manager_not_started",
		},
		EmptyForNever: true,
	})
	if err != nil {
		return nil, err
	}
	return &Targets{d}, nil
}

// convert fails for a filter that the app cannot read. Then the target stays as it was, or is not there: unfiltered it must not be.
func convert(t targetsfile.Target) (*core.PublishingTarget, error) {
	p := &core.PublishingTarget{Name: t.Name, Type: t.Type, URL: t.URL, Enabled: t.Enabled, Headers: t.Headers, Format: core.Format(t.PayloadFormat)}
	return p, t.DecodeFilter(&p.FilterConfig)
}

// GetStats returns what the sidecar has found, and how often its file could not be read.
func (t *Targets) GetStats() core.DiscoveryStats {
	status := t.Reader().Status()
	found := status.Snapshot
	return core.DiscoveryStats{Total: found.Discovered(), Valid: found.Valid(), Invalid: found.Invalid(),
		LastDiscovery: found.RefreshedAt(), Errors: int(status.Rejects)} // #nosec G115 -- a count of loads
}
