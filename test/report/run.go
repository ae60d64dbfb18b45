package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// endToEnd is the package whose tests run on a node of their own, which make starts.
const endToEnd = "test/e2e"

// Result is what became of a function: pass, fail or skip, or "did not run".
type Result struct {
	Function
	Outcome string
	Seconds float64
	Output  string // of its package, if it did not pass
}

// Passed reports whether it ran and passed.
func (r Result) Passed() bool { return r.Outcome == "pass" }

// Run runs these functions, package by package, and nothing else; done is called with the results of each.
func Run(ctx context.Context, root string, functions []Function, done func([]Result)) error {
	packages := make(map[string][]Function)
	for _, f := range functions {
		packages[f.Dir] = append(packages[f.Dir], f)
	}
	var dirs []string
	for dir := range packages {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		results, err := runPackage(ctx, root, dir, packages[dir])
		if err != nil {
			return err
		}
		done(results)
	}
	return nil
}

// event is a line of go test -json.
type event struct {
	Action, Test, Output string
	Elapsed              float64
}

func runPackage(ctx context.Context, root, dir string, functions []Function) ([]Result, error) {
	cmd := command(ctx, root, dir, functions)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		return nil, fmt.Errorf("running the tests of %s: %w", dir, err)
	}
	results := make([]Result, len(functions))
	for i, f := range functions {
		results[i] = Result{Function: f, Outcome: "did not run"}
	}
	var text strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		e := read(lines.Text())
		text.WriteString(e.Output)
		for i := range results {
			results[i].note(e, err == nil)
		}
	}
	for i := range results {
		if !results[i].Passed() {
			results[i].Output = text.String() + stderr.String()
		}
	}
	return results, lines.Err()
}

// command runs the functions of one package. Each module is tested from its own directory.
func command(ctx context.Context, root, dir string, functions []Function) *exec.Cmd {
	if dir == endToEnd {
		cmd := exec.CommandContext(ctx, "make", "e2e")
		cmd.Dir = root
		return cmd
	}
	var tests, benchmarks []string
	for _, f := range functions {
		if f.Benchmark() {
			benchmarks = append(benchmarks, f.Name)
		} else {
			tests = append(tests, f.Name)
		}
	}
	args := []string{"test", "-json", "-count=1", "-timeout=15m", "-run=" + exactly(tests), "-bench=" + exactly(benchmarks), "-benchtime=1x", "."}
	cmd := exec.CommandContext(ctx, "go", args...) // #nosec G204 -- names of our own tests
	cmd.Dir = filepath.Join(root, dir)
	return cmd
}

// exactly matches these names, and nothing if there are none.
func exactly(names []string) string { return "^(" + strings.Join(append(names, "none"), "|") + ")$" }

// read reads a line of go test -json, or of go test -v.
func read(line string) (e event) {
	if err := json.Unmarshal([]byte(line), &e); err == nil && e.Action != "" {
		return e
	}
	e.Output = line + "\n"
	for prefix, action := range map[string]string{"--- PASS: ": "pass", "--- FAIL: ": "fail", "--- SKIP: ": "skip"} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			e.Action = action
			_, _ = fmt.Sscanf(rest, "%s (%fs)", &e.Test, &e.Elapsed)
		}
	}
	return e
}

// note enters what an event says of the function. A benchmark has passed when it has printed its line and its package has ended well.
func (r *Result) note(e event, packagePassed bool) {
	switch {
	case e.Test == r.Name && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip"):
		r.Outcome, r.Seconds = e.Action, e.Elapsed
	case r.Benchmark() && packagePassed && strings.HasPrefix(e.Output, r.Name):
		r.Outcome = "pass"
	}
}
