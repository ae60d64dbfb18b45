package shared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/flock"
)

const pollInterval = 50 * time.Millisecond

// Lease is the right to use the shared control plane. It ends with Release or with the process.
type Lease struct {
	State State
	users *flock.Lock
}

// Release gives the lease back.
func (l *Lease) Release() error {
	return l.users.Unlock()
}

// Acquire returns a lease on the control plane, which is started if it does not run, and ready.
func Acquire(ctx context.Context, config Config) (_ *Lease, err error) {
	root, err := config.root()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the shared control plane: %w", err)
	}
	// From here on no supervisor decides to stop; one that has decided holds the lock until it is gone.
	users, err := flock.Wait(ctx, filepath.Join(root, usersLock), flock.Shared)
	if err != nil {
		return nil, err
	}
	state, err := config.obtain(ctx, root)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("obtaining the shared control plane: %w", err), users.Unlock())
	}
	return &Lease{State: state, users: users}, nil
}

// obtain waits for a control plane that answers, and starts one whenever nobody has. A state file alone proves
// nothing: it may be that of a supervisor that was killed.
func (c Config) obtain(ctx context.Context, root string) (State, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		lock, err := flock.Try(filepath.Join(root, supervisorLock), flock.Exclusive)
		if err == nil {
			err = c.launch(ctx, root, lock)
		}
		if err != nil && !errors.Is(err, flock.ErrHeld) {
			return State{}, err
		}
		state, err := readState(root)
		if err == nil {
			err = state.Access.Ready(ctx)
		}
		if err == nil {
			return state, nil
		}
		select {
		case <-ctx.Done():
			return State{}, fmt.Errorf("%w (at last: %w)", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
