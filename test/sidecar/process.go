// Package sidecar runs the real program for tests: built once, started with real flags, looked at from outside.
package sidecar

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Do sends a request and returns the code and the body.
func (p *Process) Do(method, path string) (int, string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.URL+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Close = true
	if p.Token != "" {
		request.Header.Set("Authorization", "Bearer "+p.Token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// Status is the part of the status document that tests look at.
type Status struct {
	State       string `json:"status"`
	LastRefresh string `json:"last_refresh"`
	Discovered  int    `json:"targets_discovered"`
	Valid       int    `json:"targets_valid"`
	Invalid     int    `json:"targets_invalid"`
	NextRefresh string `json:"next_refresh"`
	Error       string `json:"error"`
	ErrorClass  string `json:"error_class"`
	Hint        string `json:"hint"`
	Failures    int    `json:"consecutive_failures"`
	LastTrigger string `json:"last_trigger"`
	Rejections  []struct {
		Secret, Reason, Message, Serving string
	} `json:"invalid"`
	Watch struct {
		Enabled, Connected bool
		Error              string
	} `json:"watch"`
	Namespaces []struct {
		Name    string
		Secrets int
		Error   string
	} `json:"namespaces"`
}

// Status asks for the status document.
func (p *Process) Status() (s Status) {
	p.t.Helper()
	code, body := p.Do(http.MethodGet, "/api/v2/publishing/targets/status")
	if code != http.StatusOK {
		p.t.Fatalf("status answered %d: %s", code, body)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// Refresh asks for a refresh and returns when one that began later has ended.
func (p *Process) Refresh() Status {
	p.t.Helper()
	var s Status
	p.Until("accepts a refresh", func() error {
		if code, body := p.Do(http.MethodPost, "/api/v2/publishing/targets/refresh"); code != http.StatusAccepted {
			return fmt.Errorf("answered %d: %s", code, body)
		}
		return nil
	})
	p.Until("ends the refresh", func() error {
		if s = p.Status(); s.State == "in_progress" {
			return errors.New("it is in progress")
		}
		return nil
	})
	return s
}

// Until polls a condition of the real process until it holds, with pauses of 5 ms for a second, and of 50 ms from then on: to ask takes processor
// time, which all that happens at the same time has to share.
func (p *Process) Until(what string, holds func() error) {
	p.t.Helper()
	began := time.Now()
	for {
		err := holds()
		if err == nil {
			return
		}
		waited, pause := time.Since(began), 5*time.Millisecond
		if waited > time.Second {
			pause = 50 * time.Millisecond
		}
		if waited > patience {
			p.t.Fatalf("waited %s until the sidecar %s: %v\n%s", patience, what, err, p.dump())
		}
		time.Sleep(pause)
	}
}
