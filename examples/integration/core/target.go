// Package core stands for what alert-history has already: its type of target, the interfaces through which its parts ask for targets, and
// those parts, as small as they can be. Nothing in it knows the sidecar.
package core

import (
	"context"
	"time"
)

// Format is how a publisher writes alerts for a target.
type Format string

// PublishingTarget is one place that alerts go to. It holds credentials: do not log one.
type PublishingTarget struct {
	Name         string
	Type         string
	URL          string
	Enabled      bool
	FilterConfig map[string]any
	Headers      map[string]string // looked up by exact names
	Format       Format
}

// ErrTargetNotFound says that there is no target of that name.
type ErrTargetNotFound struct{ Name string }

// Error implements error.
func (e *ErrTargetNotFound) Error() string { return "no publishing target " + e.Name }

// DiscoveryStats says what the discovery has found.
type DiscoveryStats struct {
	Total, Valid, Invalid int
	LastDiscovery         time.Time
	Errors                int
}

// Discovery is how the business layer asks for targets.
type Discovery interface {
	DiscoverTargets(ctx context.Context) error
	GetTarget(name string) (*PublishingTarget, error)
	ListTargets() []*PublishingTarget
	GetTargetsByType(targetType string) []*PublishingTarget
	GetStats() DiscoveryStats
	Health(ctx context.Context) error
}

// DiscoveryManager is how the infrastructure layer asks for targets.
type DiscoveryManager interface {
	DiscoverTargets(ctx context.Context) error
	GetTarget(name string) (*PublishingTarget, error)
	ListTargets() []*PublishingTarget
	GetTargetsByType(targetType string) []*PublishingTarget
	GetTargetCount() int
}
