// Command controlplane prepares and runs the control plane of the tests.
//
//	controlplane build [NAME…]   build the named programs (default: what `go test` needs) and print their paths
//	controlplane supervise       what tests start in the background; of no use by hand
//
// Run `go run ./controlplane/cmd/controlplane build` before the tests where the 5 to 10 minutes of the first build would
// exceed the tests' -timeout, or to fill a cache of CI: its progress is seen, while `go test` hides that of a test.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/shared"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("which command? build or supervise")
	}
	switch args[0] {
	case "build":
		return build(ctx, args[1:], stdout, stderr)
	case "supervise":
		return supervise(ctx, args[1:], stderr)
	default:
		return fmt.Errorf("unknown command %q; try build or supervise", args[0])
	}
}

func build(ctx context.Context, names []string, stdout, stderr io.Writer) error {
	if len(names) == 0 {
		names = []string{
			string(binaries.Etcd), string(binaries.APIServer), string(binaries.Kubectl), string(binaries.Promtool), string(binaries.Prometheus),
		}
	}
	cache := binaries.Cache{Log: stderr}
	for _, name := range names {
		path, err := cache.Path(ctx, binaries.Name(name))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stdout, path); err != nil {
			return fmt.Errorf("printing the path: %w", err)
		}
	}
	return nil
}

func supervise(ctx context.Context, args []string, stderr io.Writer) error {
	var config shared.Config
	flags := flag.NewFlagSet("supervise", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&config.Root, "root", "", "the control plane's directory")
	flags.DurationVar(&config.Linger, "linger", 0, "how long to outlive the last user")
	flags.StringVar(&config.Etcd, "etcd", "", "path of etcd")
	flags.StringVar(&config.APIServer, "apiserver", "", "path of kube-apiserver")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return shared.Supervise(ctx, config)
}
