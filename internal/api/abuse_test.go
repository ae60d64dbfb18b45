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
)

// leavesNothing fails the test if, after its server has shut down, goroutines are left that were not there, or megabytes.
func leavesNothing(t *testing.T) {
	t.Helper()
	before, here := heap(), goleak.IgnoreCurrent()
	t.Cleanup(func() { // runs after the clean-ups of the test, which come later
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
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
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
	h.refresh = func(string) (api.Run, error) {
		if !running.CompareAndSwap(false, true) {
			return api.Run{}, &api.InProgressError{Run: run()}
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
