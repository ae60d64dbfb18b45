// Package flock locks files between processes.
//
// A lock belongs to an open file, not to a process: the kernel drops it when the last descriptor of that file is
// closed, so also when its holder panics or is killed, and it can be handed to a child process as a descriptor.
// Two locks taken by one process exclude each other as those of two processes do.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Mode says who else may hold the lock.
type Mode int

// A Shared lock excludes Exclusive ones, an Exclusive lock excludes every other.
const (
	Shared    Mode = unix.LOCK_SH
	Exclusive Mode = unix.LOCK_EX
)

// ErrHeld is returned by Try when somebody else holds the lock.
var ErrHeld = errors.New("lock is held by another process")

// pollInterval is how often Wait looks again. flock(2) can wait by itself, but not for a context.
const pollInterval = 25 * time.Millisecond

// Lock is a lock that is held.
type Lock struct {
	file *os.File
}

// Try takes the lock on the file at path, which is created when missing, or returns ErrHeld at once.
func Try(path string, mode Mode) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the path is the caller's own
	if err != nil {
		return nil, fmt.Errorf("opening lock file: %w", err)
	}
	if err := flock(file, int(mode)|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrHeld
		}
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return &Lock{file: file}, nil
}

// Wait takes the lock on the file at path as soon as it is free; its error wraps ctx's when that ends first.
func Wait(ctx context.Context, path string, mode Mode) (*Lock, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		lock, err := Try(path, mode)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lock %s: %w", path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// FromFile is the lock behind a descriptor that was inherited from the process that took it.
func FromFile(file *os.File) *Lock {
	return &Lock{file: file}
}

// File is the open file that carries the lock, to be inherited by a child process.
func (l *Lock) File() *os.File {
	return l.file
}

// Unlock releases the lock in every process that inherited it.
func (l *Lock) Unlock() error {
	// Closing alone is not enough: a child between its fork and its exec still has the descriptor.
	return errors.Join(flock(l.file, unix.LOCK_UN), l.file.Close())
}

// Forget closes this process's descriptor; a process that inherited the lock goes on holding it.
func (l *Lock) Forget() error {
	return l.file.Close()
}

// flock goes through SyscallConn because File.Fd would switch the descriptor to blocking mode.
func flock(file *os.File, how int) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var locking error
	if err := conn.Control(func(fd uintptr) {
		locking = unix.Flock(int(fd), how)
	}); err != nil {
		return err
	}
	return locking
}
