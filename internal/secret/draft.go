package secret

import (
	"fmt"
	"slices"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// draft is a target under construction together with everything found wrong with it.
type draft struct {
	target   targetsfile.Target
	given    []string // fields that the Secret sets, rightly or wrongly: those are not missing
	reason   string   // of the fault; empty while there is none
	problems []source.Problem
	warnings []string
}

// unreadable records that the Secret, or one of its keys, cannot be read as a target at all.
func (d *draft) unreadable(key, rule, hint string) {
	d.reason = targetsfile.RejectParse
	d.problems = append(d.problems, source.Problem{Field: key, Rule: rule, Hint: hint})
}

// reject records that a field breaks its rule.
func (d *draft) reject(field, rule, hint string) {
	d.reason = targetsfile.RejectValidate
	d.problems = append(d.problems, source.Problem{Field: field, Rule: rule, Hint: hint})
}

func (d *draft) warn(format string, args ...any) {
	d.warnings = append(d.warnings, fmt.Sprintf(format, args...))
}

// complete checks what only shows once every field has been read.
func (d *draft) complete() {
	for _, field := range []string{fieldName, fieldType, fieldURL} {
		if !slices.Contains(d.given, field) {
			d.reject(field, "is required", "add it; a target needs at least name, type and url")
		}
	}
	t := &d.target
	if !slices.Contains(d.given, fieldFormat) {
		t.PayloadFormat = t.Type
	}
	if t.Type != "" && t.PayloadFormat != "" && !suits(t.PayloadFormat, t.Type) {
		d.reject(fieldFormat, "does not suit type "+t.Type, "leave it out, or use "+formatsOf(t.Type))
	}
}

// finish returns the target, or why there is none.
func (d *draft) finish() (*targetsfile.Entry, *source.Fault) {
	if len(d.problems) > 0 {
		return nil, &source.Fault{Reason: d.reason, Problems: d.problems}
	}
	entry, err := targetsfile.NewEntry(d.target)
	if err != nil { // its text may quote the value
		d.unreadable("", "cannot be written as JSON", "")
	} else if entry.Size() > targetsfile.MaxTargetBytes {
		d.reject("", fmt.Sprintf("must be at most %d KiB as a target", targetsfile.MaxTargetBytes>>10), "move what publishing does not need out of it")
	}
	if len(d.problems) > 0 {
		return nil, &source.Fault{Reason: d.reason, Problems: d.problems}
	}
	return entry, nil
}
