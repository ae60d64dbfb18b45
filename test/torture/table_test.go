package torture_test

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/test/bench"
)

// areas are the values of fault.Area, in the order of the table.
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
	short := bench.Table{Header: []string{"area", "fault", "runs", "violations", "measured"}}
	long := bench.Table{Header: []string{"", "fault", "how it is made", "what must hold", "measured", "runs", "violations"}}
	runs, violations := 0, 0
	for _, f := range rows {
		runs, violations = runs+f.Runs, violations+f.Violations
		measured, counts := strings.Join(f.Figures, "; "), []string{fmt.Sprint(f.Runs), fmt.Sprint(f.Violations)}
		short.Rows = append(short.Rows, []string{f.Area, f.Name, counts[0], counts[1], measured})
		long.Rows = append(long.Rows, []string{f.Area, f.Name, f.Made, f.Holds, measured, counts[0], counts[1]})
	}
	if err := short.Print(out); err != nil || *report == "" {
		return err
	}
	kernel, err := bench.Kernel()
	if err != nil {
		return err
	}
	return bench.WriteSection(*report, *section, fmt.Sprintf("%s, %s on %d cores, Linux %s: faults %d, runs %d, **violations %d**, in %s.\n\n%s",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), kernel, len(rows), runs, violations,
		took.Round(time.Second), long.Markdown()))
}
