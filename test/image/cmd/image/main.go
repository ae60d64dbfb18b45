// Command image writes a container image FROM scratch of a Go program, as an OCI archive, and prints its digest.
//
//	image -o FILE -name NAME:TAG [-version V] [-platforms linux/amd64,linux/arm64] [-port 8095/tcp] [-C DIR] PACKAGE [ARG…]
//
// ARGs are the image's default arguments. It needs no container engine and no registry; see package image for what can be promised of
// the result.
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

	"github.com/alert-history/refresh-sidecar/test/image"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var spec image.Spec
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "image.tar", "the archive to write")
	name := flags.String("name", "", "the image's name and tag")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "what to build it for")
	flags.StringVar(&spec.Dir, "C", "", "the directory of the program's module")
	flags.StringVar(&spec.Version, "version", "devel", "what the program calls itself")
	flags.StringVar(&spec.Port, "port", "", "the port that it listens on, such as 8095/tcp")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 || *name == "" {
		return errors.New("which package, and -name?")
	}
	spec.Package, spec.Args = flags.Arg(0), flags.Args()[1:]
	if spec.Platforms, err = image.ParsePlatforms(*platforms); err != nil {
		return err
	}
	digest, err := image.Create(ctx, *out, *name, spec)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s %s %s\n", *out, *name, digest)
	return err
}
