package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/manifests"
)

// convertFlags are the arguments of convert.
type convertFlags struct {
	Paths         []string `arg:"" name:"path" help:"Files and directories of Secret manifests; - reads standard input."`
	LabelSelector string   `default:"publishing-target=true" envar:"TARGET_LABEL_SELECTOR" help:"The labels that the Secrets get."`
}

// convertManifests prints Secrets to standard output, and to standard error what it could not map. The latter holds nothing of a Secret but its
// public parts.
func convertManifests(ctx context.Context, read *invocation, env environment) int {
	flags := &read.Convert
	f := faults{variables: read.variables}
	if err := kube.ValidateSelector(flags.LabelSelector); err != nil {
		f.add("--label-selector", "%v", err)
	} else if _, err := manifests.WantedLabels(flags.LabelSelector); err != nil {
		f.add("--label-selector", "%v", err)
	}
	if err := f.err(); err != nil {
		complain(env.stderr, err, "")
		return exitConfig
	}
	if slices.Contains(flags.Paths, "-") {
		signal.Reset(os.Interrupt, syscall.SIGTERM) // otherwise nothing ends a process that waits for its standard input
	}
	converted, err := manifests.Convert(ctx, manifests.CheckConfig{Paths: flags.Paths, Stdin: env.stdin, LabelSelector: flags.LabelSelector})
	if err != nil {
		complain(env.stderr, fmt.Errorf("converting manifests: %w", err), "")
		return exitFault
	}
	if _, err := env.stdout.Write(converted.Text); err != nil {
		complain(env.stderr, fmt.Errorf("printing Secrets: %w", err), "")
		return exitFault
	}
	v := newVerdict(converted.Report, false)
	v.lines(env.stderr)
	_, _ = fmt.Fprintf(env.stderr, "%s converted, %d left as they are, %s, %s\n", count(v.Secrets, "Secret"), converted.Left, count(v.Faults, "fault"), count(v.Warnings, "warning"))
	if !v.OK {
		return exitFault
	}
	return exitOK
}
