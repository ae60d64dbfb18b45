// Package bench runs the benchmarks that say how the sidecar does in a cluster, holds their figures to what is wanted, and writes them
// into documents. The benchmarks measure and do not judge: they are in the packages whose parts they measure, and on a machine
// that is busy with something else none of them fails.
package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// Suite is one call of go test.
type Suite struct {
	Module  string // its directory, relative to the repository
	Package string
	Pattern string   // of benchmarks
	Time    string   // per benchmark, as -benchtime has it
	Count   int      // of runs; 0: 1
	Cores   int      // to run on; 0: all
	Prefix  string   // for the names of its results, where two suites have the same benchmarks
	Args    []string // for the test binary
}

func (s Suite) args() []string {
	args := []string{"test", "-run", "^$", "-bench", s.Pattern, "-benchmem", "-benchtime", s.Time, "-count", fmt.Sprint(max(1, s.Count)), "-timeout", "30m"}
	if s.Cores > 0 {
		args = append(args, "-cpu", fmt.Sprint(s.Cores))
	}
	return append(append(args, s.Package), s.Args...)
}

// Run runs the suites of the repository at root one after the other, shows what they print on out, and returns their figures. When one
// fails the others are run all the same, and what it has measured is returned, too.
func Run(ctx context.Context, root string, suites []Suite, out io.Writer) (Results, error) {
	results := Results{}
	var faults []error
	for _, s := range suites {
		var printed bytes.Buffer
		cmd := exec.CommandContext(ctx, "go", s.args()...) // #nosec G204 -- our own arguments
		cmd.Dir = filepath.Join(root, s.Module)
		cmd.Stdout, cmd.Stderr = io.MultiWriter(out, &printed), out
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // as for all tests, so that nothing is built twice
		err := cmd.Run()
		if readErr := results.read(&printed, s.Prefix); readErr != nil {
			return results, errors.Join(append(faults, readErr)...)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("running go %s in %s: %w", strings.Join(s.args(), " "), s.Module, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return results, errors.Join(faults...)
}

// read adds the figures that go test printed.
func (r Results) read(printed io.Reader, prefix string) error {
	reader := benchfmt.NewReader(printed, "go test")
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue // what is not a result is for people
		}
		name, _, _ := strings.Cut(string(result.Name.Full()), "-") // the number of cores follows
		for _, v := range result.Values {
			value, unit := v.Value, v.Unit
			if v.OrigUnit != "" {
				value, unit = v.OrigValue, v.OrigUnit
			}
			key := Figure{prefix + name, unit}
			r[key] = append(r[key], value)
		}
	}
	if err := reader.Err(); err != nil {
		return fmt.Errorf("reading the output of go test: %w", err)
	}
	return nil
}
