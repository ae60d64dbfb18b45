package main

import (
	"iter"

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
	kept   *targetsfile.Map[*PublishingTarget]
}

// NewTargets returns the lookups of a reader. Each target is converted once, when it comes or changes.
func NewTargets(reader *targetsfile.Reader) *Targets {
	return &Targets{reader: reader, kept: targetsfile.Derive(reader, convert, nil)}
}

// GetTarget returns the target of that name, enabled or not, or targetsfile.ErrNotReady or ErrNotFound.
func (t *Targets) GetTarget(name string) (*PublishingTarget, error) { return t.kept.Get(name) }

// ListTargets returns all targets by name, those that are disabled included.
func (t *Targets) ListTargets() []*PublishingTarget { return list(t.kept.All()) }

// GetTargetsByType returns the targets of one type by name, those that are disabled included.
func (t *Targets) GetTargetsByType(targetType string) []*PublishingTarget {
	return list(t.kept.ByType(targetType))
}

func list(targets iter.Seq2[targetsfile.Target, *PublishingTarget]) []*PublishingTarget {
	list := []*PublishingTarget{}
	for _, target := range targets {
		list = append(list, target)
	}
	return list
}

// convert fails for a filter that the app cannot read. Then the target stays as it was, or is not there: unfiltered it must not be.
func convert(t targetsfile.Target, _ *PublishingTarget) (*PublishingTarget, error) {
	p := &PublishingTarget{Name: t.Name, Type: t.Type, URL: t.URL, Enabled: t.Enabled, Headers: t.Headers, Format: t.PayloadFormat}
	return p, t.DecodeFilter(&p.FilterConfig)
}
