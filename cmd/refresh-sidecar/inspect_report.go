package main

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// report is what inspect tells of a snapshot. Names are those of the file, where it has them.
type report struct {
	Path        string                  `json:"path"`
	Epoch       string                  `json:"epoch"`
	Generation  uint64                  `json:"generation"`
	Checksum    string                  `json:"checksum"` // verified, else there is no report
	ChangedAt   time.Time               `json:"changed_at,omitzero"`
	RefreshedAt time.Time               `json:"refreshed_at,omitzero"`
	AgeSeconds  int64                   `json:"age_seconds"` // since RefreshedAt
	StaleAfter  time.Time               `json:"stale_after,omitzero"`
	Stale       bool                    `json:"stale"`
	Source      targetsfile.Source      `json:"source"`
	Discovered  int                     `json:"targets_discovered"`
	Valid       int                     `json:"targets_valid"`
	Invalid     int                     `json:"targets_invalid"`
	Targets     []reportTarget          `json:"targets"`
	Rejections  []targetsfile.Rejection `json:"invalid"`

	now     time.Time
	secrets bool // shown
}

// reportTarget is a target as inspect shows it. The fields of the second group are set with --show-secrets only: they are named one
// by one so that a field the file gains is not shown before somebody has decided that it may be.
type reportTarget struct {
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Enabled     bool      `json:"enabled"`
	Host        string    `json:"host"`
	Format      string    `json:"format"`
	HeaderNames []string  `json:"header_names"`
	Secret      string    `json:"secret"`
	StaleSince  time.Time `json:"stale_since,omitzero"`

	URL          string                     `json:"url,omitempty"`
	Headers      map[string]string          `json:"headers,omitempty"`
	FilterConfig json.RawMessage            `json:"filter_config,omitempty"`
	Extra        map[string]json.RawMessage `json:"extra,omitempty"`
}

func newReport(path string, doc *targetsfile.Document, secrets bool) *report {
	now := time.Now()
	r := &report{
		Path: path, Epoch: doc.Epoch, Generation: doc.Generation, Checksum: doc.Checksum,
		ChangedAt: doc.ChangedAt, RefreshedAt: doc.RefreshedAt, AgeSeconds: int64(now.Sub(doc.RefreshedAt).Seconds()),
		StaleAfter: doc.StaleAfter, Stale: now.After(doc.StaleAfter), Source: doc.Source,
		Discovered: doc.Discovered, Valid: doc.Valid, Invalid: doc.Invalid,
		Targets: make([]reportTarget, 0, len(doc.Entries)), Rejections: append([]targetsfile.Rejection{}, doc.Rejections...),
		now: now, secrets: secrets,
	}
	for i := range doc.Entries { // by name, or the file would have been refused
		r.Targets = append(r.Targets, newReportTarget(&doc.Entries[i].Target, secrets))
	}
	return r
}

func newReportTarget(t *targetsfile.Target, secrets bool) reportTarget {
	out := reportTarget{
		Name: t.Name, Type: t.Type, Enabled: t.Enabled, Host: t.Host(), Format: t.PayloadFormat,
		HeaderNames: append([]string{}, slices.Sorted(maps.Keys(t.Headers))...), Secret: t.Secret, StaleSince: t.StaleSince,
	}
	if secrets {
		out.URL, out.Headers, out.FilterConfig, out.Extra = t.URL, t.Headers, t.FilterConfig, t.Extra
	}
	return out
}

// counts returns how many targets are last good ones, and how many are enabled.
func (r *report) counts() (kept, enabled int) {
	for _, t := range r.Targets {
		if !t.StaleSince.IsZero() {
			kept++
		}
		if t.Enabled {
			enabled++
		}
	}
	return kept, enabled
}
