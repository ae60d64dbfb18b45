// Command benchcluster measures everything that is wanted of the sidecar and its reader, prints it as a table beside what is wanted, and
// writes it into a document:
//
//	benchcluster [-root DIR] [-doc FILE]
//
// It exits with 1 if something falls short of the least that is wanted, or was not measured. An aim that is missed is only shown.
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
		fmt.Fprintln(os.Stderr, "benchcluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("benchcluster", flag.ContinueOnError)
	root := flags.String("root", "..", "the repository")
	document := flags.String("doc", "docs/performance.md", "where the tables go, relative to it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	machine, err := bench.Describe(ctx)
	if err != nil {
		return err
	}
	results, runErr := bench.Run(ctx, *root, bench.ClusterSuites(), out)
	aims := bench.AimsTable(bench.ClusterAims(), results)
	growth := bench.GrowthTable(bench.Growth(), results)
	about := machine.String()
	fmt.Fprintf(out, "\n%s\n\n", about)
	if err := errors.Join(aims.Print(out), growth.Print(out)); err != nil {
		return err
	}
	if runErr != nil { // a document with holes is worse than an old one
		return runErr
	}
	section := about + "\n\n### What is wanted\n\n" + aims.Markdown() + "\n### How cost grows\n\n" + growth.Markdown()
	if err := bench.WriteSection(filepath.Join(*root, *document), section); err != nil {
		return err
	}
	return bench.Shortfall(bench.ClusterAims(), results)
}
