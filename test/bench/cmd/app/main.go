// Command app follows a snapshot file as an app does. It prints the URL of each target that changes, with the time at which lookups had
// it, in nanoseconds, and ends with its standard input. It is built with this version of the reader and with an earlier one, see make
// bench-compare: so it uses only what both have.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	reader, err := targetsfile.Open(ctx, path)
	if err != nil {
		return err
	}
	if err := reader.WaitReady(ctx); err != nil {
		return err
	}
	stop := reader.OnChange(func(c targetsfile.Change) {
		now := time.Now().UnixNano()
		for _, update := range c.Updated {
			fmt.Println(update.New.URL, now)
		}
		if c.From == nil {
			fmt.Println("ready", now)
		}
	})
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	stop()
	return reader.Close()
}
