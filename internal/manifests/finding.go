package manifests

import "github.com/alert-history/refresh-sidecar/internal/source"

// Severity says how much a [Finding] weighs.
type Severity string

// Severities.
const (
	Failed  Severity = "fault"   // the sidecar would refuse the file, or reject the Secret
	Warned  Severity = "warning" // the manifest works, but was hardly meant so
	Skipped Severity = "skipped" // a Secret that the selector does not select
)

// Finding is one thing found in a manifest. Like a [source.Fault], it holds nothing of a Secret but its public parts. Its
// JSON is what refresh-sidecar validate prints.
type Finding struct {
	Severity       Severity `json:"severity"`
	File           string   `json:"file,omitempty"`     // empty: all files together
	Document       int      `json:"document,omitempty"` // from 1; 0: the file as a whole
	Item           int      `json:"item,omitempty"`     // the place in a List, from 1; 0: outside of a List
	Line           int      `json:"line,omitempty"`     // the line of the file where the document begins or breaks; 0: not known
	Secret         string   `json:"secret,omitempty"`   // namespace/name; empty: the file or document as a whole
	source.Problem          // in JSON, too, its fields stand beside the others
}

// Report is the outcome of [Check]. Its JSON is what refresh-sidecar validate prints.
type Report struct {
	Files    int       `json:"files"`   // files that were read
	Secrets  int       `json:"secrets"` // Secrets that the selector selects
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
	Skipped  int       `json:"skipped"`
	Findings []Finding `json:"findings"` // in the order of paths, files and documents
}

// add appends a finding and counts it.
func (r *Report) add(f Finding) {
	r.Findings = append(r.Findings, f)
	switch f.Severity {
	case Failed:
		r.Faults++
	case Warned:
		r.Warnings++
	case Skipped:
		r.Skipped++
	}
}
