package shared

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/flock"
)

// command is the program whose sub-command `supervise` calls Supervise.
const command = "github.com/alert-history/refresh-sidecar/test/controlplane/cmd/controlplane"

// ready is what a supervisor says when its control plane can be used; anything else is why it cannot.
const ready = "ready"

// launch starts a supervisor, to which it hands the lock, and waits for its word.
func (c Config) launch(ctx context.Context, root string, lock *flock.Lock) error {
	if err := os.Remove(filepath.Join(root, stateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("removing a stale state: %w", err), lock.Unlock())
	}
	if err := buildSupervisor(ctx, root); err != nil {
		return errors.Join(err, lock.Unlock())
	}
	word, voice, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("making a pipe: %w", err), lock.Unlock())
	}
	defer word.Close() //nolint:errcheck // only read from
	err = c.spawn(root, lock.File(), voice)
	// The supervisor has its own descriptors now: closing ours neither unlocks nor silences it.
	if err := errors.Join(err, lock.Forget(), voice.Close()); err != nil {
		return err
	}
	return hear(ctx, word)
}

// buildSupervisor builds in the working directory of the test, which `go test` makes the package's own: inside the
// module that has the command.
func buildSupervisor(ctx context.Context, root string) error {
	// #nosec G204 -- our own constants
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(root, supervisorFile), command)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx) // which killed the command: "signal: killed" explains nothing
	}
	if err != nil {
		return fmt.Errorf("building the supervisor: %w: %s", err, out)
	}
	return nil
}

// spawn starts the supervisor in a session of its own, so that it sees no Ctrl-C, and with a file for its output:
// `go test` waits until the last holder of its pipe is gone.
func (c Config) spawn(root string, lock, voice *os.File) error {
	log, err := os.Create(filepath.Join(root, supervisorLog)) // #nosec G304 -- our own directory
	if err != nil {
		return fmt.Errorf("opening the supervisor's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // nothing is written through this descriptor
	// #nosec G204 -- the program was just built
	cmd := exec.Command(filepath.Join(root, supervisorFile), "supervise", "-root", root, "-linger", c.linger().String(),
		"-etcd", c.Etcd, "-apiserver", c.APIServer)
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock, voice} // lockFD and voiceFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	return cmd.Process.Release()
}

// hear reads the supervisor's word. When the supervisor dies without one, the pipe ends all the same.
func hear(ctx context.Context, word *os.File) error {
	stop := context.AfterFunc(ctx, func() {
		_ = word.SetReadDeadline(time.Now()) // the pipe is new and pollable: this cannot go wrong
	})
	defer stop()
	said, err := io.ReadAll(word)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("waiting for the supervisor: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("waiting for the supervisor: %w", err)
	case string(said) == ready:
		return nil
	case len(said) == 0:
		return errors.New("the supervisor died while starting the control plane")
	default:
		return fmt.Errorf("starting the control plane: %s", said)
	}
}
