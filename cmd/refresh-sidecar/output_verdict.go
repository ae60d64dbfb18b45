package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
)

// verdict is what validate prints.
type verdict struct {
	OK       bool          `json:"ok"` // the exit code is 0
	Files    int           `json:"files"`
	Secrets  int           `json:"secrets"` // that the selector selects
	Faults   int           `json:"faults"`
	Warnings int           `json:"warnings"`
	Skipped  int           `json:"skipped"`
	Findings []verdictLine `json:"findings"`
}

// verdictLine is one finding.
type verdictLine struct {
	Severity manifests.Severity `json:"severity"`
	File     string             `json:"file,omitempty"`
	Document int                `json:"document,omitempty"` // from 1
	Item     int                `json:"item,omitempty"`     // of a List, from 1
	Line     int                `json:"line,omitempty"`     // of the file, where the document begins or breaks
	Secret   string             `json:"secret,omitempty"`   // namespace/name
	Field    string             `json:"field,omitempty"`
	Rule     string             `json:"rule"`
	Hint     string             `json:"hint,omitempty"`
}

func newVerdict(found manifests.Report, strict bool) verdict {
	v := verdict{Files: found.Files, Secrets: found.Secrets, Findings: make([]verdictLine, 0, len(found.Findings))}
	for _, f := range found.Findings {
		v.Findings = append(v.Findings, verdictLine{Severity: f.Severity, File: f.File, Document: f.Document, Item: f.Item, Line: f.Line,
			Secret: f.Secret, Field: f.Field, Rule: f.Rule, Hint: f.Hint})
		switch f.Severity {
		case manifests.Failed:
			v.Faults++
		case manifests.Warned:
			v.Warnings++
		case manifests.Skipped:
			v.Skipped++
		}
	}
	v.OK = v.Faults == 0 && (v.Warnings == 0 || !strict)
	return v
}

func (v verdict) print(out io.Writer, format formatOption) error {
	if format == outputJSON {
		return encode(out, format, v)
	}
	var buf bytes.Buffer
	v.text(&buf)
	_, err := out.Write(buf.Bytes())
	return err
}

// text writes the findings and a summary.
func (v verdict) text(out io.Writer) {
	v.lines(out)
	_, _ = fmt.Fprintf(out, "%s with %s: %s, %s, %d skipped\n", count(v.Files, "file"), count(v.Secrets, "Secret"),
		count(v.Faults, "fault"), count(v.Warnings, "warning"), v.Skipped)
}

// lines writes each place once, with all that is found there.
func (v verdict) lines(out io.Writer) {
	last := ""
	for _, line := range v.Findings {
		if place := line.place(); place != last && place != "" {
			_, _ = fmt.Fprintln(out, place)
			last = place
		}
		rule := line.Rule
		if line.Field != "" {
			rule = line.Field + ": " + rule
		}
		_, _ = fmt.Fprintf(out, "  %-8s %s\n", line.Severity, rule)
		if line.Hint != "" {
			_, _ = fmt.Fprintf(out, "  %-8s %s\n", "", line.Hint)
		}
	}
	if len(v.Findings) > 0 {
		_, _ = fmt.Fprintln(out)
	}
}

// place says where a finding belongs.
func (l verdictLine) place() string {
	if l.File == "" {
		return ""
	}
	parts := []string{printable(l.File)}
	if l.Line > 0 {
		parts[0] += fmt.Sprintf(":%d", l.Line) // as editors and terminals take it
	}
	if l.Document > 0 {
		parts = append(parts, fmt.Sprintf("document %d", l.Document))
	}
	if l.Item > 0 {
		parts = append(parts, fmt.Sprintf("item %d", l.Item))
	}
	if l.Secret != "" {
		parts = append(parts, "Secret "+l.Secret)
	}
	return strings.Join(parts, ", ")
}
