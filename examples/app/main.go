// Command app reads publishing targets as alert-history does: it waits for the first snapshot, and from then on prints what changes.
//
//	go run ./examples/app run/targets.json
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: app PATH")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
	fmt.Println("stopped")
}

// run prints changes to out, and what is wrong with the file to problems, until ctx is done. That is an error only before the first
// snapshot.
func run(ctx context.Context, path string, out, problems io.Writer) error {
	log := slog.New(slog.NewTextHandler(problems, &slog.HandlerOptions{Level: slog.LevelWarn}))
	reader, err := targetsfile.Open(ctx, path, targetsfile.WithLogger(log))
	if err != nil {
		return err
	}
	defer reader.Close()
	fmt.Fprintln(out, "waiting for targets")
	if err := reader.WaitReady(ctx); err != nil {
		return err
	}
	for change := range reader.Changes(ctx) {
		fmt.Fprintf(out, "generation %d, %d targets\n", change.To.Generation(), change.To.Len())
		for _, target := range change.Added {
			fmt.Fprintf(out, "  + %v\n", target) // public parts only
		}
		for _, target := range change.Removed {
			fmt.Fprintf(out, "  - %v\n", target)
		}
		for _, update := range change.Updated {
			fmt.Fprintf(out, "  ~ %v\n", update.New)
		}
	}
	return nil
}
