package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// TestLongBodyIsRefusedBeforeItsEnd sends a little more than a body may have, of much more that it announces, and then waits.
func TestLongBodyIsRefusedBeforeItsEnd(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler})
	for name, body := range map[string]string{
		"announced": "Content-Length: 100000\r\n\r\n" + strings.Repeat(" ", 2<<10),
		"chunked":   "Transfer-Encoding: chunked\r\n\r\n800\r\n" + strings.Repeat(" ", 2<<10) + "\r\n",
	} {
		conn := server.dial(t)
		if _, err := io.WriteString(conn, "POST "+refreshPath+" HTTP/1.1\r\nHost: x\r\n"+body); err != nil {
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
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: "+strings.Repeat("x", size)+"\r\n\r\n")
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
		begin  string // of what comes back before the end
	}{
		{"in the headers", api.ServerConfig{ReadHeaderTimeout: soon}, "GET /healthz HTTP/1.1\r\nHost:", ""},
		{
			"in the body",
			api.ServerConfig{ReadTimeout: soon, ReadHeaderTimeout: time.Minute},
			"POST " + refreshPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{",
			"HTTP/1.1 400 ",
		},
		{"between requests", api.ServerConfig{IdleTimeout: soon}, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "},
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
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cut:
	case <-time.After(30 * time.Second):
		t.Error("the client is not cut")
	}
}
