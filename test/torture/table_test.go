package torture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// areas is the order of the table.
var areas = []string{"process", "disk", "network", "API server", "watch", "credentials", "answers", "callers", "input", "secrecy", "rights", "time"}

// print shows the table to people and, with -report, puts it into the document.
func (l *ledger) print(out io.Writer, took time.Duration) error {
	rows, err := l.rows()
	if err != nil || len(rows) == 0 {
		return err
	}
	slices.SortStableFunc(rows, func(a, b *fault) int {
		if order := slices.Index(areas, a.Area) - slices.Index(areas, b.Area); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	text := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(text, "area\tfault\truns\tviolations\tmeasured")
	for _, f := range rows {
		_, _ = fmt.Fprintf(text, "%s\t%s\t%d\t%d\t%s\n", f.Area, f.Name, f.Runs, f.Violations, strings.Join(f.Figures, "; "))
	}
	if err := text.Flush(); err != nil {
		return err
	}
	if *report == "" {
		return nil
	}
	return replaceSection(*report, *section, markdown(rows, took))
}

func markdown(rows []*fault, took time.Duration) string {
	runs, violations := 0, 0
	var table strings.Builder
	for _, f := range rows {
		runs, violations = runs+f.Runs, violations+f.Violations
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %d | %d |\n", f.Area, f.Name, f.Made, f.Holds, strings.Join(f.Figures, "; "), f.Runs, f.Violations)
	}
	return fmt.Sprintf(`%s, %s on %d cores, Linux %s: faults %d, runs %d, **violations %d**, in %s.

| | fault | how it is made | what must hold | measured | runs | violations |
| --- | --- | --- | --- | --- | --- | --- |
%s`, time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), kernel(), len(rows), runs, violations,
		took.Round(time.Second), table.String())
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	return release
}

// replaceSection replaces what stands between the two comments that mark a section of a document.
func replaceSection(path, name, text string) error {
	data, err := os.ReadFile(path) // #nosec G304 -- the caller's own document
	if err != nil {
		return err
	}
	begin, end := []byte("<!-- "+name+" -->\n"), []byte("<!-- end of "+name+" -->\n")
	before, rest, found := bytes.Cut(data, begin)
	_, after, closed := bytes.Cut(rest, end)
	if !found || !closed {
		return errors.New(path + " has no section " + name)
	}
	return os.WriteFile(path, slices.Concat(before, begin, []byte(text), end, after), 0o644) // #nosec G306 G703 -- a document for all
}
