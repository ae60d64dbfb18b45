package secret

import (
	"fmt"
	"slices"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// maxReported bounds how many broken headers, and how many warnings, are told of one Secret: two bytes of a Secret can make another
// message of a hundred bytes in the log and in the snapshot.
const maxReported = 10

// draft is a target under construction together with everything found wrong with it.
type draft struct {
	target   targetsfile.Target
	flat     bool     // the fields are keys of the Secret
	typ      string   // the type as the Secret names it; empty while it is broken or missing
	given    []string // fields that the Secret sets, rightly or wrongly, and which so are not missing
	reason   string   // the reason of the fault; empty while there is no fault
	problems []source.Problem
	warnings []source.Problem
	untold   int // warnings beyond maxReported
}

// reject records that a field, or with an empty name the whole Secret, breaks a rule.
func (d *draft) reject(id ID, field string, details ...any) { d.rejectPart(id, field, "", details...) }

// rejectPart records that a part of a field, such as one of its headers, breaks a rule.
func (d *draft) rejectPart(id ID, field, part string, details ...any) {
	r := id.rule()
	if d.reason != parse { // parse wins: behind what cannot be read further rules may be broken
		d.reason = r.Reason
	}
	d.problems = append(d.problems, r.problem(field, part, details))
}

// warn records that a key, or with an empty name the Secret, was hardly meant as it is.
func (d *draft) warn(id ID, key string, details ...any) { d.warnPart(id, key, "", details...) }

// warnPart records that a part of a field, such as one of its headers, was hardly meant as it is.
func (d *draft) warnPart(id ID, field, part string, details ...any) {
	if len(d.warnings) == maxReported {
		d.untold++
		return
	}
	d.warnings = append(d.warnings, id.rule().problem(field, part, details))
}

// problem applies the rule to a part of a field.
func (r Rule) problem(field, part string, details []any) source.Problem {
	return source.Problem{Field: field, Rule: labelled(part, r.message(details)), Hint: r.Hint}
}

func (r Rule) message(details []any) string {
	if len(details) == 0 {
		return r.Text
	}
	return fmt.Sprintf(r.Text, details...)
}

func labelled(label, text string) string {
	if label == "" {
		return text
	}
	return label + ": " + text
}

// complete checks what shows only after every field was read.
func (d *draft) complete() {
	for _, field := range []string{fieldName, fieldType, fieldURL} {
		if !slices.Contains(d.given, field) {
			d.reject(ruleRequired, field)
		}
	}
	d.completeFormat()
}

// finish returns the target, or why there is none.
func (d *draft) finish() (*targetsfile.Entry, *source.Fault) {
	if d.untold > 0 {
		d.warnings = append(d.warnings, warnMoreWarnings.rule().problem("", "", []any{fmt.Sprint(d.untold)}))
	}
	var entry *targetsfile.Entry
	if len(d.problems) == 0 {
		entry = d.encode()
	}
	if len(d.problems) > 0 {
		return nil, &source.Fault{Reason: d.reason, Problems: d.problems}
	}
	return entry, nil
}

// encode measures the target before it encodes it: encoding takes several times the target's size.
func (d *draft) encode() *targetsfile.Entry {
	least := len(d.target.URL) + len(d.target.FilterConfig)
	for name, value := range d.target.Headers {
		least += len(name) + len(value)
	}
	for key, value := range d.target.Extra {
		least += len(key) + len(value)
	}
	if least > targetsfile.MaxTargetBytes {
		d.reject(ruleTargetSize, "")
		return nil
	}
	entry, err := targetsfile.NewEntry(d.target)
	if err != nil { // the error's text may quote the value
		d.reject(ruleWritable, "")
	} else if entry.Size() > targetsfile.MaxTargetBytes {
		d.reject(ruleTargetSize, "")
	}
	return entry
}
