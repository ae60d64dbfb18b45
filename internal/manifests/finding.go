package manifests

import "github.com/alert-history/refresh-sidecar/internal/source"

// Severity says how much a [Finding] weighs.
type Severity string

// Severities.
const (
	Failed  Severity = "fault"   // the sidecar would refuse the file, or reject the Secret
	Warned  Severity = "warning" // works, but was hardly meant so
	Skipped Severity = "skipped" // a Secret that the selector does not select
)

// Finding is one thing that is to be said about a manifest. Like a [source.Fault], it holds nothing of a Secret but its public parts.
type Finding struct {
	Severity Severity
	File     string // empty: all files together
	Document int    // from 1; 0: the file as a whole
	Item     int    // of a List, from 1; 0: not in one
	Line     int    // of the file, where the document begins or breaks; 0: not known
	Secret   string // namespace/name; empty: the file or document as a whole
	source.Problem
}

// Report is the outcome of [Check].
type Report struct {
	Files    int       // that were read
	Secrets  int       // that the selector selects
	Findings []Finding // in the order of paths, files and documents
}
