// Command app reads publishing targets as alert-history does: it waits for the first snapshot and then prints the targets of each one.
//
//	go run ./examples/app run/targets.json
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: app PATH")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	reader, err := targetsfile.Open(ctx, path)
	if err != nil {
		return err
	}
	defer reader.Close()
	fmt.Println("waiting for targets")
	if err := reader.WaitReady(ctx); err != nil {
		return err
	}
	for seen := uint64(0); ctx.Err() == nil; {
		if s := reader.Snapshot(); s.Generation() != seen {
			seen = s.Generation()
			fmt.Printf("generation %d, %d targets\n", seen, s.Len())
			for target := range s.All() {
				fmt.Printf("  %v\n", target)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}
