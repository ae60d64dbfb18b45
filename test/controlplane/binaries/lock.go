package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockInterval is how often a held lock is tried again: flock(2) can wait by itself, but not for a context.
const lockInterval = 25 * time.Millisecond

// lock locks the file at path against other processes, and waits for its turn. The lock ends with unlock or with this process, however
// that ends.
func (c Cache) lock(ctx context.Context, path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the caller's own directory
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	try := func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
	if err = try(); errors.Is(err, unix.EWOULDBLOCK) {
		err = c.tell("waiting for the process that is building", nothing, func() error { return poll(ctx, try) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return file.Close, nil
}

// poll tries until the lock is free.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(lockInterval)
	defer tick.Stop()
	for {
		if err := try(); !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
