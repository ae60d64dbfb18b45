package shared_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/flock"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/shared"
)

// configVariable, when set, makes the test binary a user of the control plane that it describes.
const (
	configVariable = "SHARED_TEST_CONFIG"
	panicVariable  = "SHARED_TEST_PANIC"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(configVariable); config != "" {
		if err := use(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// use takes a lease, prints its state and keeps it until standard input ends.
func use(encoded string) error {
	var config shared.Config
	if err := json.Unmarshal([]byte(encoded), &config); err != nil {
		return err
	}
	lease, err := shared.Acquire(context.Background(), config)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(lease.State); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if os.Getenv(panicVariable) != "" {
		panic("as a test would")
	}
	return lease.Release()
}

// user is a process that uses a control plane.
type user struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   io.Reader
}

func startUser(t *testing.T, root string, panics bool) *user {
	t.Helper()
	config := programs(t)
	config.Root, config.Linger = root, time.Second
	encoded, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), configVariable+"="+string(encoded))
	if panics {
		cmd.Env = append(cmd.Env, panicVariable+"=yes")
	}
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u := &user{cmd: cmd, stdin: stdin, out: out}
	t.Cleanup(func() { u.kill(t) })
	return u
}

// state waits until the user has its lease.
func (u *user) state(t *testing.T) shared.State {
	t.Helper()
	var state shared.State
	if err := json.NewDecoder(u.out).Decode(&state); err != nil {
		t.Fatalf("the user got no lease: %v", err)
	}
	return state
}

// stop lets the user return, or panic.
func (u *user) stop(t *testing.T) {
	t.Helper()
	if err := u.stdin.Close(); err != nil {
		t.Error(err)
	}
	err := u.cmd.Wait()
	t.Logf("the user ended: %v", err)
}

// kill ends the user by SIGKILL, if it has not ended.
func (u *user) kill(t *testing.T) {
	t.Helper()
	if u.cmd.ProcessState != nil {
		return
	}
	if err := u.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	err := u.cmd.Wait()
	t.Logf("the user ended: %v", err)
}

func programs(t *testing.T) shared.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("this test needs a real API server; run it without -short")
	}
	var config shared.Config
	var err error
	if config.Etcd, err = (binaries.Cache{}).Path(t.Context(), binaries.Etcd); err != nil {
		t.Fatal(err)
	}
	if config.APIServer, err = (binaries.Cache{}).Path(t.Context(), binaries.APIServer); err != nil {
		t.Fatal(err)
	}
	return config
}

// newRoot is a root directory of the test's own, removed when the control plane in it has stopped.
func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	t.Cleanup(func() {
		eventually(t, "the supervisor ends", func() error { return stopped(root) })
	})
	return root
}

// wantGone waits until none of the control plane's processes is left.
func wantGone(t *testing.T, state shared.State) {
	t.Helper()
	if len(state.PIDs) != 3 {
		t.Fatalf("got processes %v, want three", state.PIDs)
	}
	for name, pid := range state.PIDs {
		eventually(t, name+" ends", func() error { return gone(pid) })
	}
}

// stopped is nil if no supervisor, etcd or kube-apiserver has this root.
func stopped(root string) error {
	lock, err := flock.Try(filepath.Join(root, "supervisor.lock"), flock.Exclusive)
	if err != nil {
		return err
	}
	return lock.Unlock()
}

// gone is nil if there is no such process, or only its exit status that nobody has asked for (a zombie).
func gone(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil //nolint:nilerr // no process: no file
	}
	state := strings.TrimSpace(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if strings.HasPrefix(state, "Z") {
		return nil
	}
	return fmt.Errorf("process %d is there: %s", pid, stat)
}

// eventually polls until check returns nil: the end of somebody else's process sends no event to us.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
