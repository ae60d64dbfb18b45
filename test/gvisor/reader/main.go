// Command reader follows a snapshot, and prints for each change of its targets how late the lookups knew it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// line is what is printed about a change.
type line struct {
	Generation uint64
	Late       time.Duration // since the file's last change of state, which is its rename
	Watching   bool
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	r, err := targetsfile.Open(ctx, path, targetsfile.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	if err != nil {
		return err
	}
	defer r.Close()
	for change := range r.Changes(ctx) {
		now := time.Now()
		var file syscall.Stat_t
		if err := syscall.Stat(path, &file); err != nil {
			return err
		}
		err := json.NewEncoder(os.Stdout).Encode(line{Generation: change.To.Generation(), Late: now.Sub(time.Unix(file.Ctim.Unix())), Watching: r.Status().Watching})
		if err != nil {
			return err
		}
	}
	return nil
}
