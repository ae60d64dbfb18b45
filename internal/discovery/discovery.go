// Package discovery finds the Secrets that describe publishing targets, in a Kubernetes API server or in manifest files, and turns
// each into a target or a fault. It is the only package that knows Kubernetes.
//
// It promises that a [Listing] is complete: one that was read in part, or that did not come from an API server, is an error. It
// promises that a [Fault], a warning or an [Error] holds nothing of a Secret but its public parts. It keeps no state between calls:
// what was known before, and what to do about a failure, is its caller's business.
package discovery

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
	Warnings        []string // accepted, but better written otherwise
}

// Fault says why a Secret yields no target.
type Fault struct {
	Reason   string // targetsfile.RejectParse or targetsfile.RejectValidate
	Problems []Problem
}

// Problem is one broken rule.
type Problem struct {
	Field string // the field, such as "url"; empty if the Secret as a whole is meant
	Rule  string // what is wrong, such as "must be an absolute http or https URL"
	Hint  string // what to do about it; may be empty
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

// Listing is the complete set of labelled Secrets of one namespace at one moment.
type Listing struct {
	Namespace       string // empty: all namespaces, or manifests
	ResourceVersion string // of the moment; changes can be followed from there
	Secrets         []Secret
}

// Kind says what an [Event] means.
type Kind int

// Kinds of events.
const (
	Upsert   Kind = iota // Secret is new or changed
	Delete               // Secret is gone, or no longer selected; only Key, UID and ResourceVersion are set
	Bookmark             // nothing changed up to ResourceVersion
	Relist               // what changed is only to be learnt by a new List
	Opened               // the watch is open: changes after ResourceVersion follow
)

// String names the kind, as metrics count it.
func (k Kind) String() string {
	return [...]string{"upsert", "delete", "bookmark", "relist", "opened"}[k]
}

// Event is one change after a [Listing].
type Event struct {
	Namespace string
	// ResourceVersion is the version after the event. Of a Relist it may be empty; if it is not, only a List that returns it (or
	// begins later) satisfies the request.
	ResourceVersion string
	Kind            Kind
	Secret          Secret
}
