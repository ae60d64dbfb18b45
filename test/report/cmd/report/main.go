// Command report runs the tests that docs/COMPLETION_REPORT.md names, exactly those, and lists what became of each. It exits with 1 if one
// is missing, failed, or did not run. `make report` runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/alert-history/refresh-sidecar/test/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, "..", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// run runs the tests of the repository at root.
func run(ctx context.Context, root string, out io.Writer) error {
	text, err := os.ReadFile(filepath.Join(root, "docs/COMPLETION_REPORT.md")) // #nosec G304 -- a path of this repository
	if err != nil {
		return err
	}
	all, err := report.Functions(root)
	if err != nil {
		return err
	}
	functions, missing := report.Find(all, report.Named(string(text)))
	if len(missing) > 0 {
		return fmt.Errorf("the report names tests that are not there: %v", missing)
	}
	passed := 0
	err = report.Run(ctx, root, functions, func(results []report.Result) {
		for _, r := range results {
			_, _ = fmt.Fprintf(out, "%-12s %8.2f s  %s  %s\n", r.Outcome, r.Seconds, r.Dir, r.Name)
			if r.Passed() {
				passed++
			} else {
				_, _ = io.WriteString(out, r.Output)
			}
		}
	})
	_, _ = fmt.Fprintf(out, "%d of %d passed\n", passed, len(functions))
	if err == nil && passed < len(functions) {
		err = errors.New("not everything that the report names has passed")
	}
	return err
}
