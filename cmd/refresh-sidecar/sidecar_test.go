package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestMain(m *testing.M) {
	// klog flushes for as long as the process lives.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// program is the whole program, run in this process on manifests.
type program struct {
	t         *testing.T
	manifests string
	path      string
	logs      lockedBuffer
	url       string
	stop      context.CancelFunc
	code      chan int
}

type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns what was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newProgram prepares a run over a directory with two manifests.
func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, manifests: t.TempDir(), path: filepath.Join(t.TempDir(), "targets.json"), code: make(chan int, 1)}
	p.put("a.yaml", manifest("a", "https://example.com/a"))
	p.put("b.yaml", manifest("b", "https://example.com/b"))
	return p
}

func manifest(name, url string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata:
  name: %s
  labels: {publishing-target: "true"}
stringData:
  config: '{"name": %q, "type": "webhook", "url": %q}'
`, name, name, url)
}

func (p *program) put(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.manifests, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs the program until the test ends or stop is called.
func (p *program) start(args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	args = append([]string{"--manifests", p.manifests, "--snapshot-path", p.path, "--listen-address", "127.0.0.1:0", "--jitter", "0"}, args...)
	env := environment{args: args, getenv: func(string) string { return "" }, stdout: io.Discard, stderr: &p.logs}
	go func() { p.code <- run(ctx, env) }()
	p.t.Cleanup(func() { cancel(); <-p.code; p.code <- 0 })
	p.until("listens", func() error {
		for line := range strings.Lines(p.logs.String()) {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) == nil && fields["message"] == "started" {
				p.url = "http://" + fields["listen_address"].(string)
				return nil
			}
		}
		return errors.New("no line says so")
	})
}

// end stops the program as SIGTERM does and returns its exit code.
func (p *program) end() int {
	p.stop()
	code := <-p.code
	p.code <- code
	return code
}

// until waits for something that the program does to files and sockets.
func (p *program) until(what string, holds func() error) {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited until the program %s: %v\n%s", what, err, p.logs.String())
		}
		<-tick.C
	}
}

func (p *program) untilTargets(want ...string) {
	p.t.Helper()
	p.until("publishes "+strings.Join(want, ", "), func() error {
		d, err := targetsfile.ReadFile(p.path)
		if err != nil {
			return err
		}
		got := []string{}
		for _, e := range d.Entries {
			got = append(got, strings.TrimPrefix(e.URL, "https://example.com/"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

// get asks the program and returns the code and the JSON answer.
func (p *program) get(method, path string) (int, map[string]any) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	answer := map[string]any{}
	if err := json.Unmarshal(data, &answer); err != nil {
		answer["text"] = string(data)
	}
	return response.StatusCode, answer
}

func TestManifestsAreFollowed(t *testing.T) {
	p := newProgram(t)
	p.start()
	p.untilTargets("a", "b")

	p.put("a.yaml", manifest("a", "https://example.com/edited"))
	p.untilTargets("edited", "b")

	p.put("c.yaml", manifest("c", "https://example.com/c"))
	p.untilTargets("edited", "b", "c")

	if err := os.Remove(filepath.Join(p.manifests, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	p.untilTargets("edited", "c")
}

func TestATruncatedManifestLosesNothing(t *testing.T) {
	p := newProgram(t)
	p.start()
	p.untilTargets("a", "b")
	p.put("a.yaml", "")
	p.until("notices", func() error {
		if _, status := p.get(http.MethodGet, "/api/v2/publishing/targets/status"); status["status"] != "failed" {
			return fmt.Errorf("status %v", status["status"])
		}
		return nil
	})
	p.untilTargets("a", "b")
	p.put("a.yaml", manifest("a", "https://example.com/mended"))
	p.untilTargets("mended", "b")
}

func TestTheAnswersOfARunningProgram(t *testing.T) {
	p := newProgram(t)
	p.put("broken.yaml", manifest("broken", "canary-secret-value"))
	p.start()
	p.untilTargets("a", "b")

	cases := []struct {
		method, path string
		code         int
		field        string
		want         any
	}{
		{http.MethodGet, "/healthz", http.StatusOK, "status", "ok"},
		{http.MethodGet, "/readyz", http.StatusOK, "status", "ready"},
		{http.MethodGet, "/api/v2/publishing/targets/status", http.StatusOK, "targets_valid", 2.0},
		{http.MethodGet, "/api/v2/publishing/targets/status", http.StatusOK, "targets_invalid", 1.0},
		{http.MethodPost, "/api/v2/publishing/targets/refresh", http.StatusAccepted, "message", "Refresh triggered"},
		{http.MethodPost, "/api/v2/publishing/targets/refresh", http.StatusTooManyRequests, "error", "rate_limited"},
		{http.MethodGet, "/nothing", http.StatusNotFound, "error", "not_found"},
	}
	for _, c := range cases {
		p.until("is idle", func() error {
			if _, status := p.get(http.MethodGet, "/api/v2/publishing/targets/status"); status["status"] == "in_progress" {
				return errors.New("a refresh runs")
			}
			return nil
		})
		code, answer := p.get(c.method, c.path)
		if code != c.code || answer[c.field] != c.want {
			t.Errorf("%s %s: got %d with %s = %v, want %d with %v", c.method, c.path, code, c.field, answer[c.field], c.code, c.want)
		}
	}
	_, metrics := p.get(http.MethodGet, "/metrics")
	for _, want := range []string{"publishing_refresh_total{status=\"success\"} 2", "publishing_targets_invalid{reason=\"validate\"} 1",
		"refresh_sidecar_build_info{", "process_resident_memory_bytes", "go_goroutines"} {
		if !strings.Contains(metrics["text"].(string), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if code := p.end(); code != exitOK {
		t.Errorf("got exit code %d, want 0", code)
	}
	if strings.Contains(p.logs.String(), "canary-secret-value") {
		t.Errorf("the log holds a Secret's value:\n%s", p.logs.String())
	}
}

func TestAnUnusableSnapshotStaysUntilABetterOneIsComplete(t *testing.T) {
	p := newProgram(t)
	if err := os.WriteFile(p.path, []byte("not a snapshot"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(p.manifests, "a.yaml"), filepath.Join(p.manifests, "a.txt")); err != nil {
		t.Fatal(err)
	}
	p.put("b.yaml", "")
	p.start("--startup-backoff", "1h")
	if code, _ := p.get(http.MethodGet, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("readyz: got %d, want 503: there is no snapshot", code)
	}
	if data, err := os.ReadFile(p.path); err != nil || string(data) != "not a snapshot" {
		t.Errorf("got %q, %v; the file must stay", data, err)
	}
	p.put("b.yaml", manifest("b", "https://example.com/b"))
	p.untilTargets("b")
}

func TestAPortInUseIsAFaultAtStart(t *testing.T) {
	p := newProgram(t)
	p.start()
	var logs lockedBuffer
	code := run(t.Context(), environment{
		args:   []string{"--manifests", p.manifests, "--snapshot-path", p.path, "--listen-address", strings.TrimPrefix(p.url, "http://")},
		getenv: func(string) string { return "" }, stdout: io.Discard, stderr: &logs,
	})
	if code != exitFault || !strings.Contains(logs.String(), "address already in use") {
		t.Errorf("got exit code %d and %s", code, logs.String())
	}
}
