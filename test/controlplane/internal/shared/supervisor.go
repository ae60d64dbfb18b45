package shared

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/flock"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
)

// The descriptors that a supervisor inherits.
const (
	lockFD  = 3
	voiceFD = 4
)

const idleInterval = 200 * time.Millisecond

// Supervise is the life of a supervisor, which only Acquire starts:
//
//  1. remove what supervisors before it left when they were killed;
//  2. start the control plane, write its state, say so;
//  3. wait until nobody has had a lease for a while, ctx ends or a process of the control plane dies;
//  4. stop the control plane and remove its state.
func Supervise(ctx context.Context, config Config) (err error) {
	// Without this etcd would inherit the pipe and its reader never see an end. The lock is handed on by intent.
	syscall.CloseOnExec(lockFD)
	syscall.CloseOnExec(voiceFD)
	voice := os.NewFile(voiceFD, "voice")
	lock := flock.FromFile(os.NewFile(lockFD, supervisorLock))
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	root, err := config.root()
	if err != nil {
		return err
	}
	running, dir, err := config.begin(ctx, root, lock.File()) // 1, 2
	if err != nil {
		return errors.Join(err, say(voice, err.Error()), removeRun(root, dir))
	}
	if err := say(voice, ready); err != nil {
		return errors.Join(err, running.Close(), removeRun(root, dir))
	}
	users, err := config.awaitEnd(ctx, root, running)             // 3
	err = errors.Join(err, running.Close(), removeRun(root, dir)) // 4
	if users != nil {                                             // until here nobody could get a lease on what was being stopped
		err = errors.Join(err, users.Unlock())
	}
	return err
}

func (c Config) begin(ctx context.Context, root string, lock *os.File) (*server.Server, string, error) {
	runs := filepath.Join(root, runsDir)
	if err := os.RemoveAll(runs); err != nil {
		return nil, "", fmt.Errorf("removing earlier runs: %w", err)
	}
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return nil, "", fmt.Errorf("making the directory for runs: %w", err)
	}
	dir, err := os.MkdirTemp(runs, "")
	if err != nil {
		return nil, "", fmt.Errorf("making the run's directory: %w", err)
	}
	running, err := server.Start(ctx, server.Config{Dir: dir, Etcd: c.Etcd, APIServer: c.APIServer, Inherit: lock})
	if err != nil {
		return nil, dir, err
	}
	pids := running.PIDs()
	pids["supervisor"] = os.Getpid()
	if err := (State{Access: running.Access(), Dir: dir, PIDs: pids}).write(root); err != nil {
		return nil, dir, errors.Join(err, running.Close())
	}
	return running, dir, nil
}

// awaitEnd returns, with the users' lock held, when there has been no lease for the time to linger; without it when
// ctx ends; and with an error when the control plane died.
func (c Config) awaitEnd(ctx context.Context, root string, running *server.Server) (*flock.Lock, error) {
	tick := time.NewTicker(idleInterval)
	defer tick.Stop()
	var idleSince time.Time
	for {
		lock, err := flock.Try(filepath.Join(root, usersLock), flock.Exclusive)
		switch {
		case errors.Is(err, flock.ErrHeld):
			idleSince = time.Time{}
		case err != nil:
			return nil, err
		case idleSince.IsZero():
			idleSince = time.Now()
		case time.Since(idleSince) >= c.linger():
			return lock, nil
		}
		if lock != nil {
			if err := lock.Unlock(); err != nil {
				return nil, err
			}
		}
		if err := running.Err(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-tick.C:
		}
	}
}

func say(voice io.WriteCloser, word string) error {
	_, err := io.WriteString(voice, word)
	return errors.Join(err, voice.Close())
}

func removeRun(root, dir string) error {
	err := os.Remove(filepath.Join(root, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}
