// Command release makes a release of the commit that is checked out, or parts of one.
//
//	release [-C DIR] [-version V] [-o FILE] image      the image for all platforms, as an OCI archive
//	release [-C DIR] [-version V] [-o DIR] all         a release, in a new directory
//	release [-C DIR] notices                           THIRD_PARTY_NOTICES.txt, in the repository
//
// It needs no container engine and no registry; see package release for what can be promised of the result.
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
	"github.com/alert-history/refresh-sidecar/test/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("C", ".", "the checkout")
	version := flags.String("version", "devel", "what the release is called")
	out := flags.String("o", "", "what to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	what := flags.Arg(0)
	if what == "notices" {
		return release.WriteNotices(ctx, *dir, release.Platforms())
	}
	if what != "image" && what != "all" || *out == "" {
		return errors.New("image, all or notices? And -o?")
	}
	checkout, err := release.Open(ctx, *dir, *version)
	if err != nil {
		return err
	}
	if what == "all" {
		return checkout.Write(ctx, *out)
	}
	spec, err := checkout.Image()
	if err != nil {
		return err
	}
	digest, err := image.Create(ctx, *out, checkout.ImageName(), spec)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s %s %s\n", *out, checkout.ImageName(), digest)
	return err
}
