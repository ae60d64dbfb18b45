package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// hangingAPIServer starts an API server that answers no request, and returns a kubeconfig for it and a channel that is told of a LIST.
func hangingAPIServer(t *testing.T) (kubeconfig string, asked <-chan struct{}) {
	t.Helper()
	requests := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case requests <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	const text = `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": %q}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "", "namespace": "n"}}]}`
	if err := os.WriteFile(kubeconfig, fmt.Appendf(nil, text, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig, requests
}

// TestASecondSignalEndsTheProcessAtOnce runs the program as a process of its own, whose first refresh hangs.
func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		t.Run(signal.String(), func(t *testing.T) {
			kubeconfig, asked := hangingAPIServer(t)
			p := &program{t: t}
			cmd := exec.Command("refresh-sidecar", "--kubeconfig", kubeconfig, "--snapshot-path", filepath.Join(t.TempDir(), "targets.json"), // #nosec G204 -- the program under test
				"--listen-address", "127.0.0.1:0")
			cmd.Stderr = &p.logs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { _ = cmd.Wait(); close(ended) }()
			t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
			send := func() {
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			<-asked
			p.untilListens()
			send()
			// The refresh may go on, and meanwhile the callers are told.
			p.until("says that it ends", func() error {
				for call, want := range map[[2]string]int{
					{http.MethodGet, "/readyz"}:                                     http.StatusServiceUnavailable,
					{http.MethodPost, "/api/v2/publishing/targets/refresh"}:         http.StatusServiceUnavailable,
					{http.MethodPost, "/api/v2/publishing/targets/refresh?wait=1s"}: http.StatusServiceUnavailable,
				} {
					if code, answer := p.get(call[0], call[1]); code != want || answer["error"] != "shutting_down" {
						return fmt.Errorf("%v: %d %v", call, code, answer)
					}
				}
				return nil
			})
			if code, answer := p.get(http.MethodGet, "/healthz"); code != http.StatusOK {
				t.Errorf("healthz: got %d %v, want 200", code, answer)
			}
			send()
			<-ended
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("got exit code %d, want %d\n%s", got, want, p.logs.String())
			}
		})
	}
}
