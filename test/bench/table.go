package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is rows of text under a header.
type Table struct {
	Header []string
	Rows   [][]string
}

// AimsTable shows each aim with its value and verdict.
func AimsTable(aims []Aim, r Results) Table {
	t := Table{Header: []string{"what", "measured", "bare", "at least", "aim", ""}}
	for _, a := range aims {
		bare := "–"
		if a.Bare != nil {
			bare = a.Bare(r).String()
		}
		t.Rows = append(t.Rows, []string{a.What, a.Value(r).String(), bare, a.AtLeast.String(), a.Aim.String(), string(a.Judge(r))})
	}
	return t
}

// GrowthTable shows each cost at each number of targets. Its last column is the cost at 10 000 targets as a multiple of that at 1 000.
func GrowthTable(costs []Cost, r Results) Table {
	t := Table{Header: []string{"what"}}
	for _, n := range sizes {
		t.Header = append(t.Header, fmt.Sprintf("%d targets", n))
	}
	t.Header = append(t.Header, "10 000 ÷ 1 000")
	for _, c := range costs {
		row := []string{c.What}
		var medians []float64
		for _, n := range sizes {
			v := c.Value(n)(r)
			row = append(row, v.String())
			if v.Runs > 0 {
				medians = append(medians, v.Median)
			}
		}
		factor := "–"
		if n := len(medians); n == len(sizes) {
			factor = number(medians[n-1] / medians[n-2])
		}
		t.Rows = append(t.Rows, append(row, factor))
	}
	return t
}

// Markdown is the table as a document has it.
func (t Table) Markdown() string {
	var text strings.Builder
	line := func(cells []string) { fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.Header)
	line(strings.Split(strings.Repeat("--- ", len(t.Header)-1)+"---", " "))
	for _, row := range t.Rows {
		line(row)
	}
	return text.String()
}

// Print writes the table for a terminal.
func (t Table) Print(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		if _, err := fmt.Fprintln(columns, strings.Join(row, "\t")); err != nil {
			return fmt.Errorf("printing a table: %w", err)
		}
	}
	if err := columns.Flush(); err != nil {
		return fmt.Errorf("printing a table: %w", err)
	}
	return nil
}
