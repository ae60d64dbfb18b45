// Command build builds the programs of the control plane in which tests run, and prints their paths:
//
//	build [-kubernetes VERSION] [NAME…]   the named programs (default: what `go test` needs)
//
// Run it before the tests where the 5 to 10 minutes of the first build would exceed the tests' -timeout, or to fill a cache of CI: its
// progress is seen, while `go test` hides that of a test.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	kubernetes := flags.String("kubernetes", binaries.KubernetesVersion, "`version` of the programs that come from Kubernetes")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	names := flags.Args()
	if len(names) == 0 {
		names = []string{
			string(binaries.Etcd), string(binaries.Etcdutl), string(binaries.APIServer), string(binaries.Kubectl), string(binaries.Helm),
			string(binaries.Promtool), string(binaries.Prometheus),
		}
	}
	cache := binaries.Cache{Kubernetes: *kubernetes, Log: stderr}
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
