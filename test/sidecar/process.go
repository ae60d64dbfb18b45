// Package sidecar runs the real program for tests: built once, started with real flags, looked at from outside.
package sidecar

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// patience bounds every wait for a real process. It is generous, because it is only used up when something is broken.
const patience = 30 * time.Second

// root is the repository's directory.
func root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..")
}

var build = sync.OnceValues(func() (path string, err error) {
	args := []string{"run", "-race", "-exec", "echo"} // which prints the program's path
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-covermode=atomic", "-coverpkg=./internal/...,github.com/alert-history/refresh-sidecar/pkg/...")
	}
	for range 2 { // the run that links the program does so at another place, and then leaves it in Go's build cache
		cmd := exec.Command("go", append(args, "./cmd/refresh-sidecar")...) // #nosec G204 -- our own arguments
		cmd.Dir = root()
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("building refresh-sidecar: %w\n%s", err, &stderr)
		}
		path = strings.TrimSpace(string(out))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("building refresh-sidecar: it is not at %s", path)
})

// Binary returns the path of the program, built with the race detector. It is in Go's build cache: the tests of all packages need it.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Process is a running sidecar.
type Process struct {
	t       testing.TB
	cmd     *exec.Cmd
	Path    string // of the snapshot
	URL     string // of its HTTP interface
	Token   string // the bearer token that Do sends; empty: none
	done    chan struct{}
	exitErr error
	mu      sync.Mutex
	lines   []map[string]any
	doubled []string // log lines that have a key twice
}

// Start runs the sidecar with a snapshot at path, exact times (no jitter) and a free port, and returns when it listens. The test's end
// kills it if it still runs.
func Start(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	return StartBinary(t, Binary(t), path, args...)
}

// StartBinary is Start with another build of the program.
func StartBinary(t testing.TB, binary, path string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, Path: path, done: make(chan struct{})}
	args = append([]string{"--snapshot-path", path, "--listen-address", "127.0.0.1:0", "--jitter", "0"}, args...)
	p.cmd = exec.Command(binary, args...) // #nosec G204 -- the program under test
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if len(p.doubled) > 0 {
			t.Errorf("log lines that have a key twice:\n%s", strings.Join(p.doubled, "\n"))
		}
	})
	go p.read(stderr)
	p.Until("listens", func() error {
		for _, line := range p.Logs("started") {
			p.URL = "http://" + line["listen_address"].(string)
			return nil
		}
		select {
		case <-p.done:
			t.Fatalf("the sidecar ended: %v\n%s", p.exitErr, p.dump())
		default:
		}
		return errors.New("no line says so")
	})
	return p
}

// read collects the log until the process ends.
func (p *Process) read(stderr io.Reader) {
	scanner := bufio.NewScanner(stderr)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		line := map[string]any{}
		err := yaml.UnmarshalStrict(scanner.Bytes(), &line) // strict: no key twice
		if err != nil {
			line["message"], line["text"] = "not JSON", scanner.Text()
		}
		p.mu.Lock()
		if err != nil && json.Valid(scanner.Bytes()) {
			p.doubled = append(p.doubled, scanner.Text())
		}
		p.lines = append(p.lines, line)
		p.mu.Unlock()
	}
	p.exitErr = p.cmd.Wait()
	close(p.done)
}

// Logs returns the log lines with this message, or all of them if it is empty.
func (p *Process) Logs(message string) (lines []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if message == "" || line["message"] == message {
			lines = append(lines, line)
		}
	}
	return lines
}

func (p *Process) dump() string {
	out, err := json.MarshalIndent(p.Logs(""), "", " ")
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// PID returns the process's ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once, as the kernel would, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Terminate sends SIGTERM and returns the exit code and how long it took.
func (p *Process) Terminate() (code int, took time.Duration) {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the sidecar hangs on SIGTERM:\n%s", p.dump())
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(begun)
}
