package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

// startSidecar builds the real sidecar, runs it on the shipped examples and returns where it publishes and answers.
func startSidecar(t *testing.T, args ...string) (path string, address *url.URL) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "refresh-sidecar")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/refresh-sidecar") // #nosec G204 -- our own arguments
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the sidecar: %v\n%s", err, out)
	}
	path = filepath.Join(t.TempDir(), "targets.json")
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, binary, append([]string{"--manifests", "../../deploy/examples", "--snapshot-path", path, // #nosec G204 -- our own program
		"--listen-address", "127.0.0.1:0"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_, _ = io.Copy(io.Discard, stderr)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the sidecar ended: %v", err)
		}
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct {
			Message       string `json:"message"`
			ListenAddress string `json:"listen_address"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err == nil && line.Message == "started" {
			return path, &url.URL{Scheme: "http", Host: line.ListenAddress}
		}
	}
	t.Fatal("the sidecar does not listen")
	return "", nil
}

// startApp serves the app, as main does, on a free port.
func startApp(t *testing.T, path string, sidecar *url.URL) (base string) {
	t.Helper()
	reader, err := targetsfile.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, newHandler(NewTargets(reader), sidecar)) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() // which the proxy uses
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		reader.Close()
	})
	return "http://" + listener.Addr().String()
}

// ask sends a request and returns the answer with its body read.
func ask(t *testing.T, method, address string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestTheSidecarsCallsWorkOnTheAppsPort(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("example-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, sidecar := startSidecar(t, "--auth", "token", "--auth-token-file", tokens, "--rate-limit", "1h")
	base := startApp(t, path, sidecar)
	const api = "/api/v2/publishing/targets"
	allowed := http.Header{"Authorization": {"Bearer example-token"}, "X-Request-Id": {"deploy-42"}}
	for _, c := range []struct {
		name, method, path string
		header             http.Header
		code               int
		want               string // in the body
	}{
		{"status", http.MethodGet, api + "/status", nil, http.StatusOK, `"targets_valid":6`},
		{"list without a token", http.MethodGet, api, nil, http.StatusUnauthorized, `"error":"unauthenticated"`},
		{"list", http.MethodGet, api, allowed, http.StatusOK, `"name":"slack-sre"`},
		{"list by type", http.MethodGet, api + "?type=pagerduty", allowed, http.StatusOK, `"count":1`},
		{"refresh without a token", http.MethodPost, api + "/refresh", nil, http.StatusUnauthorized, `"error":"unauthenticated"`},
		{"refresh that is waited for", http.MethodPost, api + "/refresh?wait=30s", allowed, http.StatusOK, `"request_id":"deploy-42"`},
		{"refresh too soon", http.MethodPost, api + "/refresh", allowed, http.StatusTooManyRequests, `"error":"rate_limited"`},
		{"unknown path", http.MethodGet, api + "/nothing", nil, http.StatusNotFound, `"error":"not_found"`},
		{"the reader's metrics", http.MethodGet, "/metrics", nil, http.StatusOK, "targetsfile_targets 6"},
		{"ready", http.MethodGet, "/ready", nil, http.StatusOK, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := ask(t, c.method, base+c.path, c.header)
			if response.StatusCode != c.code || !strings.Contains(body, c.want) {
				t.Errorf("got %d %s, want %d and %s", response.StatusCode, body, c.code, c.want)
			}
			if id := response.Header.Get("X-Request-Id"); c.header != nil && id != "deploy-42" {
				t.Errorf("got request ID %q, want the caller's", id)
			}
			if c.code == http.StatusTooManyRequests && response.Header.Get("Retry-After") == "" {
				t.Error("Retry-After is missing")
			}
		})
	}
}

// The app goes on with its targets when the sidecar is away, and says so on the calls that need it.
func TestASidecarThatIsAwayIsABadGateway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	targetsfiletest.WriteSnapshot(t, path, targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/in", Enabled: true})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	base := startApp(t, path, nobody)
	response, body := ask(t, http.MethodGet, base+"/api/v2/publishing/targets/status", nil)
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(body, "sidecar_unavailable") {
		t.Errorf("got %d %s, want 502", response.StatusCode, body)
	}
	if response, _ := ask(t, http.MethodGet, base+"/ready", nil); response.StatusCode != http.StatusOK {
		t.Errorf("ready: got %d, want 200", response.StatusCode)
	}
}
