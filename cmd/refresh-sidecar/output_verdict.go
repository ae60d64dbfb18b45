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
	OK bool `json:"ok"` // whether the exit code is 0
	manifests.Report
}

func newVerdict(found manifests.Report, strict bool) verdict {
	return verdict{OK: found.Faults == 0 && (found.Warnings == 0 || !strict), Report: found}
}

func (v verdict) print(out io.Writer, format string) error {
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
	for _, f := range v.Findings {
		if place := placeOf(f); place != last && place != "" {
			_, _ = fmt.Fprintln(out, place)
			last = place
		}
		_, _ = fmt.Fprintf(out, "  %-8s %s\n", f.Severity, f.Problem)
		if f.Hint != "" {
			_, _ = fmt.Fprintf(out, "  %-8s %s\n", "", f.Hint)
		}
	}
	if len(v.Findings) > 0 {
		_, _ = fmt.Fprintln(out)
	}
}

// placeOf says where a finding belongs.
func placeOf(f manifests.Finding) string {
	if f.File == "" {
		return ""
	}
	parts := []string{printable(f.File)}
	if f.Line > 0 {
		parts[0] += fmt.Sprintf(":%d", f.Line) // editors and terminals make a link of file:line
	}
	if f.Document > 0 {
		parts = append(parts, fmt.Sprintf("document %d", f.Document))
	}
	if f.Item > 0 {
		parts = append(parts, fmt.Sprintf("item %d", f.Item))
	}
	if f.Secret != "" {
		parts = append(parts, "Secret "+f.Secret)
	}
	return strings.Join(parts, ", ")
}
