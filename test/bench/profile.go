package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// profiled are the hot paths of which [Profile] takes profiles.
var profiled = []struct {
	what, binary, pattern, count string
	focus                        string // a pattern of the functions that count, with all that they call
	operations                   float64
}{
	{"the reader's load of a file in which one of 10 000 targets changed", "reader.test", "^BenchmarkCompareLoad$/^changed$/^targets=10000$", "100x", `\(\*loader\)\.load$`, 101},
	{"the sidecar's publication of a change of 10 000", "follow.test", "^BenchmarkPublicationOfAChange$/^targets=10000$", "60x", `internal/sync\.`, 61},
	{"a whole change of 1 000, sidecar and reader", "follow.test", "^BenchmarkChange$/^secrets=1000$", "1x", `internal/(sync|kube|secret|writer)\.|pkg/targetsfile\.`, 200},
}

// Profile takes CPU profiles of the hot paths in another revision and in this version, and shows for each where most of the time goes. Garbage
// collection, which runs beside them, is not in it.
func Profile(ctx context.Context, root, revision, dir string, out io.Writer) (Table, error) {
	t := Table{Header: []string{"what", "version", "µs of processor time", "most of it"}}
	before, after, err := Earlier(ctx, root, revision, dir)
	if err != nil {
		return t, err
	}
	for _, p := range profiled {
		for _, v := range []struct {
			name string
			tree Tree
		}{{"1.0.0", before}, {"now", after}} {
			binary := filepath.Join(v.tree.Programs, p.binary)
			if _, err := os.Stat(binary); err != nil {
				if err := v.tree.run(ctx, out, "test", "go", "test", "-c", "-o", binary, "./follow"); err != nil {
					return t, err
				}
			}
			profile := filepath.Join(dir, "profile")
			if err := v.tree.run(ctx, out, "test/follow", binary, "-test.run", "^$", "-test.bench", p.pattern, "-test.benchtime", p.count, "-test.cpuprofile", profile); err != nil {
				return t, err
			}
			total, most, err := top(ctx, binary, profile, p.focus)
			if err != nil {
				return t, err
			}
			t.Rows = append(t.Rows, []string{p.what, v.name, number(total * 1e3 / p.operations), most})
		}
	}
	return t, nil
}

func (t Tree) run(ctx context.Context, out io.Writer, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- our own arguments
	cmd.Dir = filepath.Join(t.Root, dir)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s in %s: %w", filepath.Base(name), dir, err)
	}
	return nil
}

// top returns the milliseconds of a profile, and its first functions with their shares.
func top(ctx context.Context, binary, profile, focus string) (total float64, most string, err error) {
	text, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-unit", "ms", "-nodecount", "1000", "-nodefraction", "0", "-focus", focus, binary, profile).Output() // #nosec G204 -- our own arguments
	if err != nil {
		return 0, "", fmt.Errorf("reading a profile: %w", err)
	}
	_, shown, _ := strings.Cut(string(text), "Showing nodes accounting for ")
	if _, err := fmt.Sscanf(shown, "%fms", &total); err != nil {
		return 0, "", fmt.Errorf("reading a profile: %w", err)
	}
	_, lines, _ := strings.Cut(shown, "cum%\n")
	var functions []string
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if len(fields) < 6 || len(functions) == 6 {
			break
		}
		var flat float64
		if _, err := fmt.Sscanf(fields[0], "%fms", &flat); err != nil {
			return 0, "", fmt.Errorf("reading a profile: %w", err)
		}
		functions = append(functions, fmt.Sprintf("%s %.0f %%", path.Base(fields[5]), flat/total*100))
	}
	return total, strings.Join(functions, ", "), nil
}
