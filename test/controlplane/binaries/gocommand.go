package binaries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alert-history/refresh-sidecar/test/internal/child"
)

// environment is the caller's but for what would change the build.
func environment() []string {
	return append(os.Environ(),
		// A value of its own in each build would compile everything again: it is part of the build cache's keys. 1 is
		// what a plain `go build` uses wherever there is a C compiler, and `go test -race` needs one anyway.
		"CGO_ENABLED=1",
		// -mod=mod fills in go.mod and go.sum. The caller's GOFLAGS (-trimpath, say) would miss the cache, too.
		"GOFLAGS=-mod=mod -buildvcs=false",
		"GOWORK=off",
	)
}

// buildLog is the file in a build's directory that gets what the go command prints.
const buildLog = "build.log"

// goBuild runs the go command with its output in a file: a compiler that survives a killed test must not hold the
// pipe that `go test` reads to its end.
func goBuild(ctx context.Context, dir string, args ...string) error {
	path, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("looking for the go command: %w", err)
	}
	cmd, err := child.Start(child.Spec{
		Path:    path,
		Args:    args,
		Dir:     dir,
		Env:     environment(),
		Log:     filepath.Join(dir, buildLog),
		OnDeath: syscall.SIGINT, // on which the go command stops its compilers
	})
	if err != nil {
		return err
	}
	select {
	case <-cmd.Done():
		return cmd.Exit()
	case <-ctx.Done():
		err := cmd.Signal(os.Interrupt)
		<-cmd.Done()
		return errors.Join(context.Cause(ctx), err)
	}
}

// goOutput runs the go command and returns what it prints.
func goOutput(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) // #nosec G204 -- our own constants
	cmd.Dir, cmd.Env = dir, environment()
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx) // which killed the command: "signal: killed" explains nothing
	case errors.As(err, &exit):
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("running go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// goJSON runs the go command and decodes what it prints.
func goJSON(ctx context.Context, dir string, into any, args ...string) error {
	out, err := goOutput(ctx, dir, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("decoding the output of go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
