// Command scale runs many sidecars at once against one API server, prints how all of them do, and writes it into a document:
//
//	scale [-root DIR] [-doc FILE] [-sidecars N]
//
// It takes eight to ten minutes and, for 200 sidecars, 4 GiB of memory.
package main

import (
	"context"
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
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	root := flags.String("root", "..", "the repository")
	document := flags.String("doc", "docs/scale.md", "where the table goes, relative to it")
	sidecars := flags.Int("sidecars", 0, "how many; 0: 200")
	if err := flags.Parse(args); err != nil {
		return err
	}
	machine, err := bench.Describe(ctx)
	if err != nil {
		return err
	}
	results, err := bench.Run(ctx, *root, []bench.Suite{bench.ScaleSuite(*sidecars)}, out)
	if err != nil {
		return err
	}
	table := bench.ScaleTable(results)
	about := machine.String()
	fmt.Fprintf(out, "\n%s\n\n", about)
	if err := table.Print(out); err != nil {
		return err
	}
	return bench.WriteSection(filepath.Join(*root, *document), about+"\n\n"+table.Markdown())
}
