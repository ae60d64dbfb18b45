// Command bench measures on a real API server, prints what it measured as tables, and writes them into a document:
//
//	bench cluster [-root DIR] [-doc FILE]
//	bench compare [-root DIR] [-doc FILE] [-before REVISION] [-rounds N]
//	bench profile [-root DIR] [-doc FILE] [-before REVISION]
//	bench scale [-root DIR] [-doc FILE] [-before REVISION] [-sidecars N]
//
// cluster measures everything that is wanted of the sidecar and its reader, beside what is wanted. It exits with 1 if something falls
// short of the least that is wanted, or was not measured; an aim that is missed is only shown. compare does so with what is wanted of this
// version beside an earlier one, 1.0.0, which are measured in turns. profile takes CPU profiles of both. scale runs many sidecars at once: it takes eight to ten minutes and,
// for 200 sidecars, 4 GiB of memory. With -before it measures a change's way to all files for an earlier version, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alert-history/refresh-sidecar/test/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measurement is what one of the verbs does.
type measurement struct {
	measure  func(ctx context.Context, root string, out io.Writer) (bench.Results, error)
	document string // relative to the repository
	section  string // of the document
	tables   func(bench.Results) []table
	judge    func(bench.Results) error
}

// table has a heading in the document, or none.
type table struct {
	heading string
	bench.Table
}

// revision1 is version 1.0.0.
const revision1 = "78fc569"

func run(ctx context.Context, args []string, out io.Writer) error {
	verbs := map[string]func(*flag.FlagSet) func() measurement{"cluster": cluster, "compare": compare, "profile": profile, "scale": scale}
	if len(args) == 0 || verbs[args[0]] == nil {
		return errors.New("usage: bench cluster|compare|profile|scale [flags]")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	root := flags.String("root", "..", "the repository")
	document := flags.String("doc", "", "where the tables go, relative to it (default docs/performance.md, docs/scale.md)")
	parsed := verbs[args[0]](flags)
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	m := parsed()
	if *document != "" {
		m.document = *document
	}
	return m.run(ctx, *root, out)
}

// measuring runs suites.
func measuring(suites ...bench.Suite) func(context.Context, string, io.Writer) (bench.Results, error) {
	return func(ctx context.Context, root string, out io.Writer) (bench.Results, error) {
		return bench.Run(ctx, root, suites, out)
	}
}

// inTemporary gives a measurement a directory for as long as it takes.
func inTemporary(measure func(dir string) (bench.Results, error)) (bench.Results, error) {
	dir, err := os.MkdirTemp("", "refresh-sidecar-bench")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return measure(dir)
}

func cluster(*flag.FlagSet) func() measurement {
	return func() measurement {
		return measurement{
			measure:  measuring(bench.ClusterSuites()...),
			document: "docs/performance.md", section: "measured",
			tables: func(r bench.Results) []table {
				return []table{
					{"### What is wanted\n\n", bench.AimsTable(bench.ClusterAims(), r)},
					{"### How cost grows\n\n", bench.GrowthTable(bench.Growth(), r)},
				}
			},
			judge: func(r bench.Results) error { return bench.Shortfall(bench.ClusterAims(), r) },
		}
	}
}

func compare(flags *flag.FlagSet) func() measurement {
	before := flags.String("before", revision1, "the earlier version, a revision of the repository")
	rounds := flags.Int("rounds", 6, "how often each version is measured")
	return func() measurement {
		return measurement{
			measure: func(ctx context.Context, root string, out io.Writer) (bench.Results, error) {
				return inTemporary(func(dir string) (bench.Results, error) { return bench.Compare(ctx, root, *before, dir, *rounds, out) })
			},
			document: "docs/performance.md", section: "compared",
			tables: func(r bench.Results) []table {
				return []table{{"", bench.AimsTable(bench.CompareAims(), r)}, {"", bench.CompareTable(r)}}
			},
			judge: func(r bench.Results) error { return bench.Shortfall(bench.CompareAims(), r) },
		}
	}
}

func profile(flags *flag.FlagSet) func() measurement {
	before := flags.String("before", revision1, "the earlier version, a revision of the repository")
	return func() measurement {
		var profiles bench.Table
		return measurement{
			measure: func(ctx context.Context, root string, out io.Writer) (bench.Results, error) {
				return inTemporary(func(dir string) (_ bench.Results, err error) {
					profiles, err = bench.Profile(ctx, root, *before, dir, out)
					return nil, err
				})
			},
			document: "docs/performance.md", section: "profiled",
			tables: func(bench.Results) []table { return []table{{"", profiles}} },
			judge:  func(bench.Results) error { return nil },
		}
	}
}

func scale(flags *flag.FlagSet) func() measurement {
	sidecars := flags.Int("sidecars", 0, "how many; 0: 200")
	before := flags.String("before", "", "an earlier version to measure in the same run, a revision of the repository; empty: none")
	return func() measurement {
		m := measurement{
			measure:  measuring(bench.ScaleSuite(*sidecars)),
			document: "docs/scale.md", section: "measured",
			tables: func(r bench.Results) []table { return []table{{"", bench.ScaleTable(r)}} },
			judge:  func(bench.Results) error { return nil },
		}
		if *before != "" {
			m.section = "compared"
			m.measure = func(ctx context.Context, root string, out io.Writer) (bench.Results, error) {
				return inTemporary(func(dir string) (bench.Results, error) {
					return bench.CompareScale(ctx, root, *before, dir, *sidecars, out)
				})
			}
			m.tables = func(r bench.Results) []table { return []table{{"", bench.CompareScaleTable(r)}} }
		}
		return m
	}
}

func (m measurement) run(ctx context.Context, root string, out io.Writer) error {
	machine, err := bench.Describe(ctx)
	if err != nil {
		return err
	}
	results, runErr := m.measure(ctx, root, out)
	section := machine.String() + "\n"
	fmt.Fprintf(out, "\n%s\n", section)
	for _, t := range m.tables(results) {
		if err := t.Print(out); err != nil {
			return err
		}
		section += "\n" + t.heading + t.Markdown()
	}
	if runErr != nil { // a document with holes is worse than an old one
		return runErr
	}
	if err := bench.WriteSection(filepath.Join(root, m.document), m.section, section); err != nil {
		return err
	}
	return m.judge(results)
}
