// Command build builds the programs of the control plane in which tests run, and prints their paths:
//
//	build [-kubernetes VERSION] [NAME…]   the named programs (default: what `go test` needs)
//
// It begins with what is missing, and the time and space that takes. Run it before the tests where the minutes of the first build would
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
	"strings"
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
	names := []binaries.Name{
		binaries.Etcd, binaries.Etcdutl, binaries.APIServer, binaries.Kubectl, binaries.Helm, binaries.Promtool, binaries.Prometheus,
	}
	if flags.NArg() > 0 {
		names = nil
		for _, name := range flags.Args() {
			names = append(names, binaries.Name(name))
		}
	}
	cache := binaries.Cache{Kubernetes: *kubernetes, Log: stderr}
	if err := announce(cache, names, stderr); err != nil {
		return err
	}
	for _, name := range names {
		path, err := cache.Path(ctx, name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stdout, path); err != nil {
			return fmt.Errorf("printing the path: %w", err)
		}
	}
	return nil
}

// announce says what is missing, and what building it takes.
func announce(cache binaries.Cache, names []binaries.Name, to io.Writer) error {
	missing, cost, err := cache.Estimate(names...)
	if err != nil || len(missing) == 0 {
		return err
	}
	_, err = fmt.Fprintf(to, "build: to be built once, into the user's cache: %s. That takes about %v on two cores and %.1f GB of disk,\n"+
		"build: with the modules and Go's build cache. After an interruption it goes on where it was.\n", strings.Join(missing, ", "), cost.Time, cost.GB)
	return err
}
