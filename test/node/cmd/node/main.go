// Command node runs a command beside a Kubernetes cluster of one real node, and leaves nothing behind; see package node.
//
//	node [-image FILE.tar]… [-logs DIR] [-may-skip] COMMAND [ARG…]
//	node bash                   # and then, say: kubectl get nodes
//
// Where the machine cannot run a node it says why and fails, or, with -may-skip, says so and does not fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/node"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == node.Init {
		return node.Main(ctx, args[1:])
	}
	config := node.Config{Tell: os.Stderr}
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	flags.Func("image", "an OCI archive that the node is to have; may be given again", func(file string) error {
		config.Images = append(config.Images, file)
		return nil
	})
	flags.StringVar(&config.Logs, "logs", filepath.Join(os.TempDir(), "node-logs"), "where the logs of the cluster's programs go")
	maySkip := flags.Bool("may-skip", false, "where the machine cannot run a node, do not fail")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.Command = flags.Args(); len(config.Command) == 0 {
		return errors.New("which command?")
	}
	// Whoever started this, make say, may be killed; this process then cleans up as after an interrupt.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return fmt.Errorf("asking for the parent's end: %w", err)
	}
	err := node.Run(ctx, config)
	if *maySkip && errors.Is(err, node.ErrImpossible) {
		fmt.Fprintf(os.Stderr, "node: NOTHING WAS RUN, as -may-skip allows: %v\n", err)
		return nil
	}
	return err
}
