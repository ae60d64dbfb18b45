package flock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/flock"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestWhoExcludesWhom(t *testing.T) {
	for _, tc := range []struct {
		name         string
		held, wanted flock.Mode
		want         error
	}{
		{"shared beside shared", flock.Shared, flock.Shared, nil},
		{"exclusive beside shared", flock.Shared, flock.Exclusive, flock.ErrHeld},
		{"shared beside exclusive", flock.Exclusive, flock.Shared, flock.ErrHeld},
		{"exclusive beside exclusive", flock.Exclusive, flock.Exclusive, flock.ErrHeld},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			held := take(t, path, tc.held)
			second, err := flock.Try(path, tc.wanted)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if err == nil {
				release(t, second)
			}
			release(t, held)
			release(t, take(t, path, tc.wanted))
		})
	}
}

func TestWaitTakesALockThatIsReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held := take(t, path, flock.Exclusive)
	waited := make(chan error, 1)
	go func() {
		lock, err := flock.Wait(t.Context(), path, flock.Exclusive)
		if err == nil {
			err = lock.Unlock()
		}
		waited <- err
	}()
	release(t, held)
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held := take(t, path, flock.Shared)
	defer release(t, held)
	enough := errors.New("enough of it")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, err := flock.Wait(ctx, path, flock.Exclusive); !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
}

func TestForgetLeavesTheLockToWhoInheritedIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	giver := take(t, path, flock.Exclusive)
	fd, err := unix.Dup(int(giver.File().Fd())) // what a child process gets
	if err != nil {
		t.Fatal(err)
	}
	heir := flock.FromFile(os.NewFile(uintptr(fd), path))
	if err := giver.Forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := flock.Try(path, flock.Shared); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("got %v, want %v", err, flock.ErrHeld)
	}
	release(t, heir)
	release(t, take(t, path, flock.Exclusive))
}

func take(t *testing.T, path string, mode flock.Mode) *flock.Lock {
	t.Helper()
	lock, err := flock.Try(path, mode)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

func release(t *testing.T, lock *flock.Lock) {
	t.Helper()
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}
