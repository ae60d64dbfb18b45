package main

import (
	"context"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
)

// stub stands where a discovery will be.
type stub struct{}

func (stub) DiscoverTargets(context.Context) error { return nil }

func (stub) GetTarget(name string) (*core.PublishingTarget, error) {
	return nil, &core.ErrTargetNotFound{Name: name}
}

func (stub) ListTargets() []*core.PublishingTarget { return nil }

func (stub) GetTargetsByType(string) []*core.PublishingTarget { return nil }

func (stub) GetStats() core.DiscoveryStats { return core.DiscoveryStats{} }

func (stub) Health(context.Context) error { return nil }

func (stub) GetTargetCount() int { return 0 }
