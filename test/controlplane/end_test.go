package controlplane_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// endVariable, when set, says how the tests end of which TestEnd is one: it returns, panics, or is killed by [TestNoProcessIsLeft].
const endVariable = "CONTROLPLANE_TEST_END"

// TestEnd is what [TestNoProcessIsLeft] runs in another process.
func TestEnd(t *testing.T) {
	end := os.Getenv(endVariable)
	if end == "" {
		t.Skip("TestNoProcessIsLeft runs this")
	}
	if err := json.NewEncoder(os.Stdout).Encode(controlplane.Get(t).PIDs()); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if end == "panics" {
		panic("as a test would")
	}
}

func TestNoProcessIsLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("this test needs a real API server; run it without -short")
	}
	for _, end := range []string{"returns", "panics", "is killed"} {
		t.Run("of tests of which one "+end, func(t *testing.T) {
			temporary := t.TempDir()
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestEnd$")
			cmd.Env = append(os.Environ(), endVariable+"="+end, "TMPDIR="+temporary)
			stdin, stdout := pipe(t, cmd.StdinPipe), pipe(t, cmd.StdoutPipe)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pids map[string]int
			if err := json.NewDecoder(stdout).Decode(&pids); err != nil || len(pids) != 2 {
				t.Fatalf("got processes %v and %v, want two", pids, err)
			}
			var ended []*os.File
			for name, pid := range pids {
				ended = append(ended, watch(t, name, pid))
			}
			if end == "is killed" {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = stdin.Close()
			err := cmd.Wait()
			if got, want := err == nil, end == "returns"; got != want {
				t.Errorf("the tests passed: %v (%v), want %v", got, err, want)
			}
			for _, process := range ended {
				await(t, process)
			}
			if left, err := os.ReadDir(temporary); end == "returns" && (err != nil || len(left) > 0) {
				t.Errorf("got %v and %v in the directory for temporary files, want nothing", left, err)
			}
		})
	}
}

func pipe[P any](t *testing.T, open func() (P, error)) P {
	t.Helper()
	p, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// watch returns a descriptor that can be read when the process has ended.
func watch(t *testing.T, name string, pid int) *os.File {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), fmt.Sprintf("%s (process %d)", name, pid))
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// await waits until a watched process has ended.
func await(t *testing.T, process *os.File) {
	t.Helper()
	const patience = 30_000 // milliseconds
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(process.Fd()), Events: unix.POLLIN}}, patience)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0:
			t.Fatalf("%s has not ended (%v)", process.Name(), err)
		default:
			return
		}
	}
}
