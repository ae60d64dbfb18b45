package main

import (
	"encoding/json"
	"iter"
	"sync/atomic"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// PublishingTarget stands for the type of this name that alert-history has. Unlike a [targetsfile.Target] it does not redact itself:
// do not log one.
type PublishingTarget struct {
	Name         string
	Type         string
	URL          string
	Enabled      bool
	FilterConfig map[string]any
	Headers      map[string]string
	Format       string
}

// Targets answers alert-history's lookups from the snapshot, in the place of the discovery that ran once at start. Its targets are
// shared: treat them as read-only.
type Targets struct {
	reader *targetsfile.Reader
	view   atomic.Pointer[view]
}

// view is one snapshot in the app's own type.
type view struct {
	snapshot *targetsfile.Snapshot
	byName   map[string]*PublishingTarget
}

// NewTargets returns the lookups of a reader.
func NewTargets(reader *targetsfile.Reader) *Targets { return &Targets{reader: reader} }

// GetTarget returns the target of that name, or targetsfile.ErrNotReady or ErrNotFound.
func (t *Targets) GetTarget(name string) (*PublishingTarget, error) {
	v := t.present()
	if target, ok := v.byName[name]; ok {
		return target, nil
	}
	if v.snapshot == nil {
		return nil, targetsfile.ErrNotReady
	}
	return nil, targetsfile.ErrNotFound
}

// ListTargets returns all targets by name, those that are disabled included.
func (t *Targets) ListTargets() []*PublishingTarget {
	v := t.present()
	return v.list(v.snapshot.All())
}

// GetTargetsByType returns the targets of one type by name.
func (t *Targets) GetTargetsByType(targetType string) []*PublishingTarget {
	v := t.present()
	return v.list(v.snapshot.ByType(targetType))
}

// present returns the reader's snapshot in the app's type. Each snapshot is converted once, or twice if two callers meet a new one.
func (t *Targets) present() *view {
	snapshot := t.reader.Snapshot()
	if v := t.view.Load(); v != nil && v.snapshot == snapshot {
		return v
	}
	v := &view{snapshot: snapshot, byName: make(map[string]*PublishingTarget, snapshot.Len())}
	for target := range snapshot.All() {
		v.byName[target.Name] = convert(target)
	}
	t.view.Store(v)
	return v
}

func (v *view) list(targets iter.Seq[targetsfile.Target]) []*PublishingTarget {
	list := []*PublishingTarget{}
	for target := range targets {
		list = append(list, v.byName[target.Name])
	}
	return list
}

func convert(t targetsfile.Target) *PublishingTarget {
	p := &PublishingTarget{
		Name: t.Name, Type: t.Type, URL: t.URL, Enabled: t.Enabled, Headers: t.Headers, Format: t.PayloadFormat,
	}
	// The sidecar publishes a filter_config only if it is a JSON object, so this cannot fail.
	_ = json.Unmarshal(t.FilterConfig, &p.FilterConfig)
	return p
}
