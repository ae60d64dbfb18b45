package sidecar_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestAbuseLeavesNothingBehind sends the shipped program a bounded flood of what a hostile or broken client would, and looks at its
// goroutines and memory afterwards.
func TestAbuseLeavesNothingBehind(t *testing.T) {
	p := sidecar.StartBinary(t, sidecar.ReleaseBinary(t), filepath.Join(t.TempDir(), "targets.json"), "--manifests", "../../deploy/examples")
	p.Until("is idle", func() error { return idle(p) })
	flood(t, p, 500) // what one flood leaves in pools and caches is the measure
	goroutines, anonymous := p.Metric("go_goroutines"), sidecar.Memory(t, p.PID(), "RssAnon")

	slow := slowHeaders(t, p, 200)
	flood(t, p, 10000)
	for _, c := range slow {
		_ = c.Close()
	}
	if got := parallelRefreshes(t, p, 500); got[http.StatusAccepted] != 1 || got[http.StatusAccepted]+got[http.StatusTooManyRequests]+got[http.StatusServiceUnavailable] != 500 {
		t.Errorf("500 parallel refreshes: got codes %v, want one 202, the rest refused", got)
	}
	p.Until("lets go of the connections", func() error {
		http.DefaultClient.CloseIdleConnections()
		if now := p.Metric("go_goroutines"); now > goroutines+2 {
			return fmt.Errorf("%v goroutines, before the flood %v", now, goroutines)
		}
		return nil
	})
	if now := sidecar.Memory(t, p.PID(), "RssAnon"); now > 2*anonymous+8 {
		t.Errorf("got %.1f MB of memory, before the flood %.1f MB", now, anonymous)
	}
	if lines := len(p.Logs("")); lines > 200 {
		t.Errorf("the flood left %d log lines", lines)
	}
	if code, body := p.Do(http.MethodGet, "/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d %s", code, body)
	}
}

// flood sends requests that are wrong in turn in their method, path, headers and body. All must be answered, with a 4xx.
func flood(t *testing.T, p *sidecar.Process, count int) {
	t.Helper()
	const status, refresh = "/api/v2/publishing/targets/status", "/api/v2/publishing/targets/refresh"
	kinds := []func() *http.Request{
		func() *http.Request { return request(t, http.MethodDelete, p.URL+status, nil) },
		func() *http.Request { return request(t, "BREW", p.URL+"/metrics", nil) },
		func() *http.Request { return request(t, http.MethodGet, p.URL+"/"+strings.Repeat("a", 8000), nil) },
		func() *http.Request { return request(t, http.MethodGet, p.URL+"//../%2e%2e/etc/passwd", nil) },
		func() *http.Request {
			return request(t, http.MethodPost, p.URL+refresh, bytes.NewReader(make([]byte, 4096)))
		},
		func() *http.Request {
			r := request(t, http.MethodGet, p.URL+status, nil)
			r.Header.Set("X-Large", strings.Repeat("b", 40<<10))
			return r
		},
		func() *http.Request { return request(t, http.MethodPost, p.URL+refresh+"?wait=forever", nil) },
	}
	const workers = 20
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < count; i += workers {
				response, err := http.DefaultClient.Do(kinds[i%len(kinds)]())
				if err != nil {
					// The server may close the connection while the client still sends a body or header that is too large.
					if i%len(kinds) != 4 && i%len(kinds) != 5 {
						t.Errorf("request %d: %v", i, err)
					}
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode < 400 || response.StatusCode > 499 {
					t.Errorf("request %d: got %d, want a 4xx", i, response.StatusCode)
				}
			}
		})
	}
	group.Wait()
	http.DefaultClient.CloseIdleConnections()
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), method, url, body)
	if err != nil {
		t.Error(err)
	}
	return r
}

// slowHeaders opens connections that begin a request and never end it.
func slowHeaders(t *testing.T, p *sidecar.Process, count int) (connections []net.Conn) {
	t.Helper()
	for range count {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		connections = append(connections, c)
	}
	return connections
}

// parallelRefreshes asks for refreshes at once and counts the codes of the answers.
func parallelRefreshes(t *testing.T, p *sidecar.Process, count int) map[int]int64 {
	t.Helper()
	var codes [600]atomic.Int64
	var group sync.WaitGroup
	for range count {
		group.Go(func() {
			response, err := http.DefaultClient.Do(request(t, http.MethodPost, p.URL+"/api/v2/publishing/targets/refresh", nil))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			codes[response.StatusCode].Add(1)
		})
	}
	group.Wait()
	got := map[int]int64{}
	for code := range codes {
		if n := codes[code].Load(); n > 0 {
			got[code] = n
		}
	}
	return got
}
