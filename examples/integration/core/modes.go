package core

import "sync/atomic"

// ModeManager switches the app to metrics alone while no target is enabled. That is a normal state, not a fault.
type ModeManager struct {
	targets      DiscoveryManager
	isPublishing atomic.Bool
}

// NewModeManager returns a manager in the mode that the present targets ask for.
func NewModeManager(targets DiscoveryManager) *ModeManager {
	m := &ModeManager{targets: targets}
	_ = m.OnTargetsChanged() // never fails
	return m
}

// Mode returns the present mode, "publishing" or "metrics_only".
func (m *ModeManager) Mode() string {
	if m.isPublishing.Load() {
		return "publishing"
	}
	return "metrics_only"
}

// OnTargetsChanged looks at the targets again.
func (m *ModeManager) OnTargetsChanged() error {
	enabled := 0
	for _, target := range m.targets.ListTargets() {
		if target.Enabled {
			enabled++
		}
	}
	m.isPublishing.Store(enabled > 0)
	return nil
}
