package shared_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/shared"
)

func TestNothingIsLeftWhenTheUser(t *testing.T) {
	for _, tc := range []struct {
		ends   string
		panics bool
		end    func(*user, *testing.T)
	}{
		{ends: "returns", end: (*user).stop},
		{ends: "panics", panics: true, end: (*user).stop},
		{ends: "is killed", end: (*user).kill},
	} {
		t.Run(tc.ends, func(t *testing.T) {
			root := newRoot(t)
			u := startUser(t, root, tc.panics)
			state := u.state(t)
			tc.end(u, t)
			wantGone(t, state)
			left, err := os.ReadDir(filepath.Join(root, "runs"))
			if err != nil || len(left) != 0 {
				t.Errorf("got runs %v and %v, want none", left, err)
			}
		})
	}
}

func TestProcessesThatStartAtOnceShareOne(t *testing.T) {
	root := newRoot(t)
	users := []*user{startUser(t, root, false), startUser(t, root, false), startUser(t, root, false)}
	first := users[0].state(t)
	for _, u := range users[1:] {
		if got := u.state(t); got.PIDs["supervisor"] != first.PIDs["supervisor"] || got.Access.URL != first.Access.URL {
			t.Errorf("got %v at %s, want %v at %s", got.PIDs, got.Access.URL, first.PIDs, first.Access.URL)
		}
	}
	users[0].kill(t)
	users[1].stop(t)
	if err := first.Access.Ready(t.Context()); err != nil {
		t.Errorf("while one process of three is left: %v", err)
	}
	users[2].stop(t)
	wantGone(t, first)
}

func TestAKilledSupervisorIsReplaced(t *testing.T) {
	root := newRoot(t)
	before := startUser(t, root, false).state(t)
	if err := syscall.Kill(before.PIDs["supervisor"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wantGone(t, before)
	stale, err := os.Stat(filepath.Join(root, "state.json"))
	if err != nil {
		t.Fatalf("the killed supervisor should have left its state: %v", err)
	}
	next := startUser(t, root, false)
	after := next.state(t)
	if fresh, err := os.Stat(filepath.Join(root, "state.json")); err != nil || os.SameFile(stale, fresh) {
		t.Errorf("got the stale state (%v), want a new one", err)
	}
	if _, err := os.Stat(before.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory of the killed one: got %v, want it gone", err)
	}
	next.kill(t) // and with the first user still there
	if err := after.Access.Ready(t.Context()); err != nil {
		t.Errorf("with one user left: %v", err)
	}
}

// A lease asked for while a supervisor is stopping must wait for its end, and not be given what is being stopped.
func TestALeaseIsNotGivenOnAStoppingOne(t *testing.T) {
	root := newRoot(t)
	u := startUser(t, root, false)
	before := u.state(t)
	u.stop(t)
	eventually(t, "the supervisor has decided to stop", func() error { return gone(before.PIDs["kube-apiserver"]) })
	after := startUser(t, root, false).state(t)
	if after.PIDs["supervisor"] == before.PIDs["supervisor"] {
		t.Errorf("got the supervisor %d that was stopping, want a new one", after.PIDs["supervisor"])
	}
	if err := after.Access.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	config := programs(t)
	config.Root = newRoot(t)
	config.Etcd = filepath.Join(t.TempDir(), "etcd")
	if err := os.WriteFile(config.Etcd, []byte("#!/bin/sh\necho the disk is full\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := shared.Acquire(t.Context(), config)
	if err == nil || !strings.Contains(err.Error(), "etcd: ended by itself") || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v, want which program failed and the end of its log", err)
	}
}

func TestAnImpatientUserLeavesNothing(t *testing.T) {
	config := programs(t)
	config.Root, config.Linger = newRoot(t), time.Second // newRoot checks that nothing is left
	enough := errors.New("enough of it")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, enough) // a start takes three
	defer cancel()
	if _, err := shared.Acquire(ctx, config); !errors.Is(err, enough) {
		t.Errorf("got %v, want the reason why it was given up", err)
	}
}
