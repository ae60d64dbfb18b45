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

// validateFlags are the arguments of validate.
type validateFlags struct {
	Paths         []string   `arg:"" name:"path" help:"Files and directories of Secret manifests; - reads standard input. They are taken for what one sidecar reads together."`
	Output        string     `short:"o" default:"text" placeholder:"FORMAT" help:"text or json."`
	Strict        boolOption `default:"false" help:"Exit with 1 for warnings too."`
	LabelSelector string     `default:"publishing-target=true" envar:"TARGET_LABEL_SELECTOR" help:"Which Secrets count."`
	Namespace     string     `short:"n" default:"default" placeholder:"NAME" help:"Of Secrets that name none, as with kubectl apply."`
}

func (v *validateFlags) validate(variables map[string]string) error {
	f := faults{variables: variables}
	f.oneOf("--output", v.Output, outputText, outputJSON)
	f.parsed("--strict", v.Strict.fault)
	if err := kube.ValidateSelector(v.LabelSelector); err != nil {
		f.add("--label-selector", "%v", err)
	}
	if !namespaceName.MatchString(v.Namespace) {
		f.add("--namespace", "%q is not a namespace's name: lower case letters, digits and -, at most 63", v.Namespace)
	}
	return f.err()
}

// validateManifests checks manifests and prints what it finds. What it prints holds nothing of a Secret but its public parts.
func validateManifests(ctx context.Context, read *invocation, env environment) int {
	flags := &read.Validate
	if err := flags.validate(read.variables); err != nil {
		complain(env.stderr, err, "")
		return exitConfig
	}
	if slices.Contains(flags.Paths, "-") {
		signal.Reset(os.Interrupt, syscall.SIGTERM) // otherwise nothing ends a process that waits for its standard input
	}
	found, err := manifests.Check(ctx, manifests.CheckConfig{
		Paths: flags.Paths, Stdin: env.stdin, LabelSelector: flags.LabelSelector, DefaultNamespace: flags.Namespace,
	})
	if err != nil {
		complain(env.stderr, fmt.Errorf("validating manifests: %w", err), "")
		return exitFault
	}
	v := newVerdict(found, flags.Strict.value)
	if err := v.print(env.stdout, flags.Output); err != nil {
		complain(env.stderr, fmt.Errorf("printing what was found: %w", err), "")
		return exitFault
	}
	if !v.OK {
		return exitFault
	}
	return exitOK
}
