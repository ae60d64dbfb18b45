// Command bench measures on a real API server, prints what it measured as tables, and writes them into a document:
//
//	bench cluster [-root DIR] [-doc FILE]
//	bench scale [-root DIR] [-doc FILE] [-sidecars N]
//
// cluster measures everything that is wanted of the sidecar and its reader, beside what is wanted. It exits with 1 if something falls
// short of the least that is wanted, or was not measured; an aim that is missed is only shown. scale runs many sidecars at once: it takes
// eight to ten minutes and, for 200 sidecars, 4 GiB of memory.
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
	suites   []bench.Suite
	document string
	tables   func(bench.Results) []table
	judge    func(bench.Results) error
}

// table has a heading in the document, or none.
type table struct {
	heading string
	bench.Table
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || args[0] != "cluster" && args[0] != "scale" {
		return errors.New("usage: bench cluster|scale [flags]")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	root := flags.String("root", "..", "the repository")
	document := flags.String("doc", "", "where the tables go, relative to it (default docs/performance.md, docs/scale.md)")
	sidecars := 0
	if args[0] == "scale" {
		flags.IntVar(&sidecars, "sidecars", 0, "how many; 0: 200")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	m := cluster()
	if args[0] == "scale" {
		m = scale(sidecars)
	}
	if *document != "" {
		m.document = *document
	}
	return m.run(ctx, *root, out)
}

func cluster() measurement {
	return measurement{
		suites:   bench.ClusterSuites(),
		document: "docs/performance.md",
		tables: func(r bench.Results) []table {
			return []table{
				{"### What is wanted\n\n", bench.AimsTable(bench.ClusterAims(), r)},
				{"### How cost grows\n\n", bench.GrowthTable(bench.Growth(), r)},
			}
		},
		judge: func(r bench.Results) error { return bench.Shortfall(bench.ClusterAims(), r) },
	}
}

func scale(sidecars int) measurement {
	return measurement{
		suites:   []bench.Suite{bench.ScaleSuite(sidecars)},
		document: "docs/scale.md",
		tables:   func(r bench.Results) []table { return []table{{"", bench.ScaleTable(r)}} },
		judge:    func(bench.Results) error { return nil },
	}
}

func (m measurement) run(ctx context.Context, root string, out io.Writer) error {
	machine, err := bench.Describe(ctx)
	if err != nil {
		return err
	}
	results, runErr := bench.Run(ctx, root, m.suites, out)
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
	if err := bench.WriteSection(filepath.Join(root, m.document), "measured", section); err != nil {
		return err
	}
	return m.judge(results)
}
