package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"refresh-sidecar": main})
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

func TestATokenIsAskedFor(t *testing.T) {
	p := newProgram(t)
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("first\nsecond\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start("--auth", "token", "--auth-token-file", tokens, "--rate-limit", "0", "--probe-address", "127.0.0.1:0", "--pprof-address", "127.0.0.1:0")
	p.untilTargets("a", "b")
	for _, c := range []struct {
		method, path, token string
		code                int
	}{
		{http.MethodPost, "/api/v2/publishing/targets/refresh", "", http.StatusUnauthorized},
		{http.MethodPost, "/api/v2/publishing/targets/refresh", "third", http.StatusUnauthorized},
		{http.MethodPost, "/api/v2/publishing/targets/refresh?wait=10s", "first", http.StatusOK},
		{http.MethodPost, "/api/v2/publishing/targets/refresh?wait=10s", "second", http.StatusOK},
		{http.MethodGet, "/api/v2/publishing/targets", "", http.StatusUnauthorized},
		{http.MethodGet, "/api/v2/publishing/targets", "first", http.StatusOK},
		{http.MethodGet, "/api/v2/publishing/targets/status", "", http.StatusOK},
		{http.MethodGet, "/metrics", "", http.StatusOK},
		{http.MethodGet, "/", "", http.StatusOK},
		{http.MethodGet, "/openapi.yaml", "", http.StatusOK},
	} {
		if code, answer := p.call(c.method, c.path, c.token); code != c.code {
			t.Errorf("%s %s with token %q: got %d %v, want %d", c.method, c.path, c.token, code, answer, c.code)
		}
	}
	_, answer := p.call(http.MethodGet, "/api/v2/publishing/targets?type=webhook", "first")
	if targets, ok := answer["targets"].([]any); !ok || len(targets) != 2 {
		t.Errorf("got targets %v, want two", answer)
	}
	if strings.Contains(fmt.Sprint(answer), "example.com/a") {
		t.Errorf("the path of a URL is secret: %v", answer)
	}
	main := p.url
	for listener, paths := range map[string]map[string]int{
		"probe_address": {"/readyz": http.StatusOK, "/healthz": http.StatusOK, "/metrics": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound},
		"pprof_address": {"/debug/pprof/cmdline": http.StatusOK, "/metrics": http.StatusNotFound},
		"":              {"/debug/pprof/": http.StatusNotFound},
	} {
		p.url = main
		if listener != "" {
			p.url = p.listener(listener)
		}
		for path, want := range paths {
			if code, _ := p.get(http.MethodGet, path); code != want {
				t.Errorf("%s%s: got %d, want %d", listener, path, code, want)
			}
		}
	}
	if strings.Contains(p.logs.String(), "second") {
		t.Error("the log holds a token")
	}
}

func TestAnEmptyTokenFileIsAFaultAtStart(t *testing.T) {
	p := newProgram(t)
	var logs lockedBuffer
	code := run(t.Context(), environment{
		args: []string{"--manifests", p.manifests, "--snapshot-path", p.path, "--listen-address", "127.0.0.1:0", "--auth", "token",
			"--auth-token-file", os.DevNull},
		getenv: func(string) string { return "" }, stdout: io.Discard, stderr: &logs,
	})
	if code != exitConfig || !strings.Contains(logs.String(), "--auth-token-file: ") {
		t.Errorf("got exit code %d and %s", code, logs.String())
	}
}

func TestHalfARequestDoesNotDelayTheEnd(t *testing.T) {
	p := newProgram(t)
	p.start()
	for _, half := range []string{"", "GET / HTTP/1.1\r\nHost:", "POST /api/v2/publishing/targets/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, half); err != nil {
			t.Fatal(err)
		}
	}
	p.get(http.MethodGet, "/healthz")
	if code := p.end(); code != exitOK || strings.Contains(p.logs.String(), "requests were cut off") {
		t.Errorf("got exit code %d, want 0, and no request waited for:\n%s", code, p.logs.String())
	}
}

func TestAnAddressThatCannotBeListenedOnIsAFaultAtStart(t *testing.T) {
	p := newProgram(t)
	p.start()
	used := strings.TrimPrefix(p.url, "http://")
	for name, c := range map[string]struct {
		args []string
		vars map[string]string
		want []string
	}{
		"a port in use": {args: []string{"--listen-address", used},
			want: []string{"--listen-address: listening for HTTP", "address already in use; another process has this port", "choose another port with --listen-address"}},
		"by a variable": {vars: map[string]string{"TARGET_LISTEN_ADDRESS": used}, want: []string{"TARGET_LISTEN_ADDRESS (--listen-address): "}},
		"of the probes": {args: []string{"--listen-address", "127.0.0.1:0", "--probe-address", used}, want: []string{"--probe-address: ", "choose another port with --probe-address"}},
		"of profiles":   {args: []string{"--listen-address", "127.0.0.1:0", "--pprof-address", used}, want: []string{"--pprof-address: "}},
		"another machine's address": {args: []string{"--listen-address", "192.0.2.1:0"},
			want: []string{"this machine has no such address: leave the host out of --listen-address"}},
	} {
		t.Run(name, func(t *testing.T) {
			var logs lockedBuffer
			code := run(t.Context(), environment{
				args:   append([]string{"--manifests", p.manifests, "--snapshot-path", p.path}, c.args...),
				getenv: func(name string) string { return c.vars[name] }, stdout: io.Discard, stderr: &logs,
			})
			if code != exitFault {
				t.Errorf("got exit code %d, want %d", code, exitFault)
			}
			for _, want := range c.want {
				if !strings.Contains(logs.String(), want) {
					t.Errorf("got %s, want %q in it", logs.String(), want)
				}
			}
		})
	}
}
