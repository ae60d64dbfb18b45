// Command refresh-sidecar keeps one snapshot file of publishing targets fresh.
//
// It finds the Secrets that carry a label, in a Kubernetes API server or in manifest files, turns each into a target, and renames
// one JSON file into place, where the app beside it reads it with package targetsfile. It does so at start, periodically, and when
// asked over HTTP. Whatever fails, the last good snapshot stays.
//
//	refresh-sidecar [run] [flags]     keep the snapshot fresh
//	refresh-sidecar run --once        publish one snapshot and exit: 0 if a refresh succeeded and its snapshot is in place
//	refresh-sidecar inspect [PATH]    show the snapshot: targets, freshness, invalid Secrets
//	refresh-sidecar validate PATH…    check Secret manifests before they are applied
//	refresh-sidecar convert PATH…     print Secrets of older shapes as Secrets of today's
//	refresh-sidecar version           print the version
//
// Every flag of run but --kubeconfig and --context has an environment variable; the flag wins, and an empty variable counts as unset.
// refresh-sidecar run --help lists them.
//
// The first SIGTERM or SIGINT lets a running refresh end; a second one ends the process at once.
//
// Exit codes: 0 after SIGTERM or SIGINT, and after a successful --once; 1 when the sidecar cannot work, when inspect
// finds no good snapshot, when validate finds a fault, and when convert cannot map a Secret; 2 for faults of the configuration, which are
// reported all at once; 143 after a second SIGTERM and 130 after a second SIGINT.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitOK     = 0
	exitFault  = 1
	exitConfig = 2
	exitSignal = 128 // the number of the signal is added
)

func main() {
	os.Exit(run(untilSignal(), environment{args: os.Args[1:], getenv: os.Getenv, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}

// untilSignal returns a context that the first SIGTERM or SIGINT ends. The second signal ends the process at once, with the exit code that
// a shell shows for a process killed by that signal. Restoring the signals' default action would not do: the kernel spares the first
// process of a container from that action, and Go's runtime then exits with 2, which says that the configuration is at fault.
func untilSignal() context.Context {
	ctx, end := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		end()
		if second, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(exitSignal + int(second))
		}
	}()
	return ctx
}

// environment is what the program sees of the world.
type environment struct {
	args           []string
	getenv         func(string) string
	environ        []string // NAME=value of all variables, to find those that nothing reads
	stdin          io.Reader
	stdout, stderr io.Writer
}

func run(ctx context.Context, env environment) int {
	read, err := parse(env)
	if err != nil {
		complain(env.stderr, err, "")
		return exitConfig
	}
	switch read.command {
	case commandNone:
		return exitOK
	case commandVersion:
		_, _ = fmt.Fprintln(env.stdout, versionLine())
		return exitOK
	case commandInspect:
		// kong fills in the defaults of all commands, also those of run, which is not called here.
		return inspect(&read.Inspect, cmp.Or(read.Inspect.Path, env.getenv("TARGET_SNAPSHOT_PATH"), read.Run.SnapshotPath), env)
	case commandValidate:
		return validateManifests(ctx, &read, env)
	case commandConvert:
		return convertManifests(ctx, &read, env)
	default:
		return runSidecar(ctx, &read, env)
	}
}

func runSidecar(ctx context.Context, read *invocation, env environment) int {
	flags := &read.Run
	if err := flags.validate(read.variables); err != nil {
		complain(env.stderr, err, "")
		return exitConfig
	}
	keepSmall(flags, env.getenv)
	log := newLogger(flags.logging(), env.stderr)
	sidecar, err := newSidecar(read, env, log)
	if err != nil {
		log.Error().Err(err).Msg("cannot start")
		return exitFault
	}
	if err := sidecar.run(ctx); err != nil {
		log.Error().Err(err).Msg("ended with an error")
		return exitFault
	}
	return exitOK
}
