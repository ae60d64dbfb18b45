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
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// program is the whole program, run in this process on manifests.
type program struct {
	t         *testing.T
	manifests string
	path      string
	logs      lockedBuffer
	url       string
	token     string            // that get shows; empty: none
	vars      map[string]string // the environment
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
	env := environment{args: args, getenv: func(name string) string { return p.vars[name] }, stdout: io.Discard, stderr: &p.logs}
	go func() { p.code <- run(ctx, env) }()
	p.t.Cleanup(func() { cancel(); <-p.code; p.code <- 0; expectEachKeyOnce(p.t, p.logs.String()) })
	p.untilListens()
}

// expectEachKeyOnce refuses a log line that has a key twice: of two values, readers of JSON take one or the other, or refuse the line.
func expectEachKeyOnce(t *testing.T, logs string) {
	t.Helper()
	for line := range strings.Lines(logs) {
		if err := yaml.UnmarshalStrict([]byte(line), new(map[string]any)); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// untilListens waits for the program's address.
func (p *program) untilListens() {
	p.t.Helper()
	p.until("listens", func() error {
		if p.url = p.listener("listen_address"); p.url == "" {
			return errors.New("no line says so")
		}
		return nil
	})
}

// listener returns the URL of a listener, as the log names it, or "".
func (p *program) listener(field string) string {
	for line := range strings.Lines(p.logs.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["message"] == "started" {
			return "http://" + fields[field].(string)
		}
	}
	return ""
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
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
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

// call is get with a bearer token.
func (p *program) call(method, path, token string) (int, map[string]any) {
	p.t.Helper()
	p.token = token
	defer func() { p.token = "" }()
	return p.get(method, path)
}
