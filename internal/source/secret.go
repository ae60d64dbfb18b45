// Package source holds the words in which a source of Secrets, an API server or a tree of manifests, speaks to the engine that publishes
// targets: what was found ([Secret], [Listing]), what changed ([Event]), and what went wrong ([Fault], [Error]).
//
// A [Fault], a warning or an [Error] holds nothing of a Secret but its public parts; whoever makes one keeps that promise.
// It holds types and nothing that acts: package kube speaks to API servers, package manifests reads files, package secret decodes.
package source

import (
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Secret is what one labelled Secret says now. Exactly one of Entry and Fault is set.
type Secret struct {
	Key             string // namespace/name
	UID             string // empty for a manifest
	ResourceVersion string // empty for a manifest
	Created         time.Time
	Entry           *targetsfile.Entry
	Fault           *Fault
	Warnings        []Problem // what is accepted, but better written otherwise
}

// Fault says why a Secret yields no target.
type Fault struct {
	Reason   string // targetsfile.RejectParse or targetsfile.RejectValidate
	Problems []Problem
}

// Problem is one broken rule.
type Problem struct {
	Field string `json:"field,omitempty"` // the field, such as "url"; empty if the Secret as a whole is meant
	Rule  string `json:"rule"`            // what is wrong, such as "must be an absolute http or https URL"
	Hint  string `json:"hint,omitempty"`  // what to do about it; may be empty
}

// String returns "field: rule".
func (p Problem) String() string {
	if p.Field == "" {
		return p.Rule
	}
	return p.Field + ": " + p.Rule
}

// Message joins the problems into one line.
func (f Fault) Message() string {
	lines := make([]string, len(f.Problems))
	for i, p := range f.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}
