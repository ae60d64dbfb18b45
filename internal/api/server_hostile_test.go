package api_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// TestLongBodyIsRefusedBeforeItsEnd sends a little more than a body may have, of much more that it announces, and then waits.
func TestLongBodyIsRefusedBeforeItsEnd(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler})
	for name, body := range map[string]string{
		"announced": "Content-Length: 100000\r\n\r\n" + strings.Repeat(" ", 2<<10),
		"chunked":   "Transfer-Encoding: chunked\r\n\r\n800\r\n" + strings.Repeat(" ", 2<<10) + "\r\n",
	} {
		conn := server.dial(t)
		if _, err := io.WriteString(conn, "POST "+refreshPath+" HTTP/1.1\r\nHost: localhost\r\n"+body); err != nil {
			t.Fatal(err)
		}
		const want = "HTTP/1.1 413 "
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q at once", name, got, err, want)
		}
		_ = conn.Close() // else the server waits a while for the rest
	}
}

func TestServerRefusesOversizedHeaders(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler})
	for size, want := range map[int]string{15 << 10: "HTTP/1.1 200 ", 21 << 10: "HTTP/1.1 431 "} {
		conn := server.dial(t)
		// The write may fail when the server has seen enough; its answer is there all the same.
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: "+strings.Repeat("x", size)+"\r\n\r\n")
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
			t.Errorf("%d bytes of header: got %q, %v, want %q", size, got, err, want)
		}
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	const soon = 500 * time.Millisecond
	tests := []struct {
		name   string
		config api.ServerConfig
		sent   string
		begin  string // how the answer begins that comes before the end
	}{
		{"in the headers", api.ServerConfig{ReadHeaderTimeout: soon}, "GET /healthz HTTP/1.1\r\nHost:", ""},
		{
			"in the body",
			api.ServerConfig{ReadTimeout: soon, ReadHeaderTimeout: time.Minute},
			"POST " + refreshPath + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{",
			"HTTP/1.1 400 ",
		},
		{"between requests", api.ServerConfig{IdleTimeout: soon}, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Handler = newHarness(t).handler
			conn := serve(t, tt.config).dial(t)
			if _, err := io.WriteString(conn, tt.sent); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(got), tt.begin) {
				t.Errorf("got %q, %v, want %q… and the end of the connection", got, err, tt.begin)
			}
		})
	}
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	cut := make(chan struct{})
	endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(cut)
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	conn := serve(t, api.ServerConfig{Handler: endless, WriteTimeout: 50 * time.Millisecond}).dial(t)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cut:
	case <-time.After(30 * time.Second):
		t.Error("the client is not cut")
	}
}

// leavesNothing fails the test if it leaves more goroutines or megabytes behind, after its server has shut down, than there were before.
func leavesNothing(t *testing.T) {
	t.Helper()
	before, here := heap(), goleak.IgnoreCurrent()
	t.Cleanup(func() { // registered first, it runs after the test's own clean-ups
		if err := goleak.Find(here); err != nil {
			t.Error(err)
		}
		if after := heap(); after > before+4<<20 {
			t.Errorf("got %d bytes of heap after the abuse, want about the %d from before", after, before)
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestSlowHeadersDoNotKeepOthersOut(t *testing.T) {
	leavesNothing(t)
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, ReadHeaderTimeout: 500 * time.Millisecond})
	var conns []io.ReadWriter
	for range 200 {
		conn := server.dial(t)
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	if got := server.do(t, http.MethodGet, statusPath, nil); got.code != http.StatusOK {
		t.Errorf("got %d beside 200 slow connections, want 200", got.code)
	}
	for i, conn := range conns {
		if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
			t.Fatalf("connection %d: got %q, %v, want its end and nothing else", i, got, err)
		}
	}
}

// abuses are requests that nobody should send, and the code of each answer.
func abuses() []struct {
	method, path, header, body string
	code                       int
} {
	const kib = 1 << 10
	return []struct {
		method, path, header, body string
		code                       int
	}{
		{"DELETE", refreshPath, "", "", 405},
		{"BREW", "/metrics", "", "", 405},
		{"PATCH", "/", "", strings.Repeat("x", 64*kib), 405},
		{"POST", refreshPath, "", strings.Repeat(" ", 64*kib), 413},
		{"POST", refreshPath, "", strings.Repeat("[", kib), 400},
		{"POST", refreshPath + "?wait=" + strings.Repeat("9", 8*kib), "", "", 400},
		{"POST", refreshPath + "?" + strings.Repeat("a&", 4*kib), "", "", 400},
		{"GET", targetsPath + "?type=" + strings.Repeat("%00", 2*kib), "", "", 400},
		{"GET", "/" + strings.Repeat("a/", 4*kib), "", "", 404},
		{"GET", "/" + strings.Repeat("../", 1*kib) + "etc/passwd", "", "", 404},
		{"GET", "/healthz", strings.Repeat("x", 12*kib), "", 200},
		{"GET", "/healthz", strings.Repeat("x", 32*kib), "", 431},
	}
}

func TestAbuseCostsNothing(t *testing.T) {
	const requests, clients = 2000, 8
	leavesNothing(t)
	h := newHarness(t)
	server := serve(t, api.ServerConfig{Handler: h.handler})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	before, began := len(requestCounts(t, h)), time.Now()
	var next atomic.Int64
	var abusers sync.WaitGroup
	for range clients {
		abusers.Go(func() {
			for i := next.Add(1); i <= requests; i = next.Add(1) {
				abuse(t, client, "http://"+server.Addr().String(), int(i)%len(abuses()))
			}
		})
	}
	abusers.Wait()
	if got := server.do(t, http.MethodGet, statusPath, nil); got.code != http.StatusOK {
		t.Errorf("got %d after the abuse, want 200", got.code)
	}
	// One for each of: DELETE, BREW and PATCH with 405; GET with 404.
	if after := len(requestCounts(t, h)); after != before+4 {
		t.Errorf("got %d series more, want 4", after-before)
	}
	most := 5 * (1 + int(time.Since(began)/(10*time.Second))) // one for each kind of refusal, again every ten seconds
	if lines := h.log.take(t); len(lines) > most {
		t.Errorf("got %d log lines, want at most %d: %v", len(lines), most, lines)
	}
}

// abuse sends one of the abuses. A server that has seen enough of a long body or header may cut the connection while it is sent, so that
// the client never reads the answer.
func abuse(t *testing.T, client *http.Client, address string, which int) {
	a := abuses()[which]
	r, err := http.NewRequestWithContext(context.Background(), a.method, address+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("X-Long", a.header)
	resp, err := client.Do(r)
	if err != nil {
		if len(a.body)+len(a.header) < 16<<10 {
			t.Errorf("abuse %d: got %v, want %d", which, err, a.code)
		}
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != a.code {
		t.Errorf("abuse %d: got %d, want %d", which, resp.StatusCode, a.code)
	}
}

func TestOneOf500ParallelRefreshesOverTheNetworkIsAccepted(t *testing.T) {
	leavesNothing(t)
	h := newHarness(t)
	var running atomic.Bool
	h.refresh = func(string) (*targetsync.Run, error) {
		if !running.CompareAndSwap(false, true) {
			return nil, busy()
		}
		return run(), nil
	}
	server := serve(t, api.ServerConfig{Handler: h.handler})
	var codes [600]atomic.Int64
	var callers sync.WaitGroup
	for range 500 {
		callers.Go(func() {
			a, err := server.send(context.Background(), http.MethodPost, refreshPath, nil)
			if err != nil {
				t.Error(err)
				return
			}
			codes[a.code].Add(1)
		})
	}
	callers.Wait()
	if accepted, refused := codes[202].Load(), codes[503].Load(); accepted != 1 || refused != 499 {
		t.Errorf("got %d accepted and %d refused, want 1 and 499", accepted, refused)
	}
}
