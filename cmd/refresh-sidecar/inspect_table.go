package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	secretsource "github.com/alert-history/refresh-sidecar/internal/source"
)

// table writes the report for people: the snapshot, its targets, and the Secrets whose content is not published. Writing to out must
// not fail.
func (r *report) table(out io.Writer) {
	rows(out, r.header())
	_, _ = fmt.Fprintln(out)
	rows(out, r.targetRows())
	if r.Invalid == 0 && len(r.Rejections) == 0 {
		return
	}
	_, _ = fmt.Fprintln(out)
	rows(out, r.rejectionRows())
	if more := r.Invalid - len(r.Rejections); more > 0 {
		_, _ = fmt.Fprintf(out, "… and %d more, which the file does not list\n", more)
	}
}

// rows writes cells in aligned columns.
func rows(out io.Writer, lines [][]string) {
	tabs := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, cells := range lines {
		_, _ = fmt.Fprintln(tabs, strings.Join(cells, "\t"))
	}
	_ = tabs.Flush()
}

func (r *report) header() [][]string {
	kept, enabled := r.counts()
	freshness := r.when(r.StaleAfter)
	if r.Stale {
		freshness = "STALE: " + freshness + ", nothing vouches for the targets any more"
	}
	return [][]string{
		{"snapshot", printable(r.Path)},
		{"epoch", printable(r.Epoch)},
		{"generation", strconv.FormatUint(r.Generation, 10)},
		{"changed", r.when(r.ChangedAt)},
		{"refreshed", r.when(r.RefreshedAt)},
		{"stale after", freshness},
		{"source", printable(secretsource.Describe(r.Source))},
		{"secrets", fmt.Sprintf("%d found: %d valid, %d invalid", r.Discovered, r.Valid, r.Invalid)},
		{"targets", fmt.Sprintf("%d published: %d enabled, %d last good", len(r.Targets), enabled, kept)},
		{"checksum", printable(r.Checksum) + " (verified)"},
	}
}

func (r *report) targetRows() [][]string {
	if len(r.Targets) == 0 {
		return [][]string{{"no targets"}}
	}
	titles := []string{"NAME", "TYPE", "ENABLED", "HOST", "FORMAT", "STALE SINCE"}
	if r.secrets {
		titles = []string{"NAME", "TYPE", "ENABLED", "URL", "FORMAT", "STALE SINCE", "HEADERS"}
	}
	lines := [][]string{titles}
	for i := range r.Targets {
		t := &r.Targets[i]
		since := "-"
		if !t.StaleSince.IsZero() {
			since = r.when(t.StaleSince)
		}
		line := []string{printable(t.Name), printable(t.Type), strconv.FormatBool(t.Enabled), printable(t.Host), printable(t.Format), since}
		if r.secrets {
			line[3] = printable(t.URL)
			line = append(line, headerCell(t.Headers))
		}
		lines = append(lines, line)
	}
	return lines
}

func headerCell(headers map[string]string) string {
	if len(headers) == 0 {
		return "-"
	}
	var cells []string
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		cells = append(cells, printable(name+": "+headers[name]))
	}
	return strings.Join(cells, ", ")
}

func (r *report) rejectionRows() [][]string {
	lines := [][]string{{"INVALID SECRET", "REASON", "SERVING", "WHY"}}
	for _, rejection := range r.Rejections {
		lines = append(lines, []string{printable(rejection.Secret), printable(rejection.Reason), printable(rejection.Serving), printable(rejection.Message)})
	}
	return lines
}

// when writes a time and how far it is from now.
func (r *report) when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	stamp := t.UTC().Format(time.RFC3339)
	if t.After(r.now) {
		return stamp + " (in " + duration.HumanDuration(t.Sub(r.now)) + ")"
	}
	return stamp + " (" + duration.HumanDuration(r.now.Sub(t)) + " ago)"
}
