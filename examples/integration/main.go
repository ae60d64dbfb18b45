// Command integration shows how alert-history takes its targets from the sidecar. targets.go is what to add to the app, a few lines of app.go
// are what changes in its main, and package core stands for what the app has. docs/integration.md is the guide to it.
//
//	go run ./examples/integration run/targets.json http://127.0.0.1:8095
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "where the app serves")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: integration [-listen ADDRESS] PATH SIDECAR-URL")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
}
