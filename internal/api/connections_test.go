package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// dialFrom opens a connection from an address of the loopback network.
func (s *testServer) dialFrom(t *testing.T, address string) *dialed {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &dialed{conn, bufio.NewReader(conn)}
}

// dialed is a connection to a server.
type dialed struct {
	net.Conn
	answers *bufio.Reader
}

// ask asks for the health and returns the answer's code, or an error if the server has closed the connection.
func (d *dialed) ask() (int, error) {
	if _, err := io.WriteString(d, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(d.answers, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// isClosed fails unless the server has closed the connection, or does soon.
func (d *dialed) isClosed(t *testing.T, which string) {
	t.Helper()
	if got, err := io.ReadAll(d.answers); isTimeout(err) {
		t.Errorf("%s: got %q and then nothing, want the connection closed", which, got)
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

func TestAConnectionTooManyTakesThePlaceOfTheOldestOfTheBusiestAddress(t *testing.T) {
	const busy, other = "127.0.0.2", "127.0.0.3"
	var log logBuffer
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, MaxConnections: 4, ReadHeaderTimeout: time.Minute, Logger: zerolog.New(&log)})
	oldest := server.dialFrom(t, other)
	idle, used, half := server.dialFrom(t, busy), server.dialFrom(t, busy), server.dialFrom(t, busy)
	for _, c := range []*dialed{half, oldest, used, idle, used} {
		if code, err := c.ask(); code != http.StatusOK || err != nil {
			t.Fatalf("got %d, %v, want 200", code, err)
		}
	}
	if _, err := io.WriteString(half, "GET / HTTP/1.1\r\nHost: "); err != nil {
		t.Fatal(err)
	}
	for i, closed := range []*dialed{half, idle} {
		newest := server.dialFrom(t, fmt.Sprintf("127.0.0.%d", 4+i))
		if code, err := newest.ask(); code != http.StatusOK || err != nil {
			t.Errorf("the newest: got %d, %v, want 200", code, err)
		}
		closed.isClosed(t, fmt.Sprint(i))
	}
	for name, c := range map[string]*dialed{"the oldest of an address with one": oldest, "the one that was used last": used} {
		if code, err := c.ask(); code != http.StatusOK || err != nil {
			t.Errorf("%s: got %d, %v, want it kept", name, code, err)
		}
	}
	lines := log.take(t)
	if len(lines) != 1 || lines[0]["message"] != "too many connections, the oldest of the busiest address are closed" ||
		lines[0]["busiest_address"] != busy || lines[0]["closed"] != 1.0 {
		t.Errorf("got log %v, want one line about %s", lines, busy)
	}
}

// TestFewClientsMayKeepAnswersWaiting has one client after the other not read an endless answer, until one of them is cut.
func TestFewClientsMayKeepAnswersWaiting(t *testing.T) {
	const most = 64
	begun, cut := make(chan struct{}), make(chan string, 512)
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		for chunk := make([]byte, 1<<16); ; {
			if _, err := w.Write(chunk); err != nil {
				cut <- r.URL.Path
				return
			}
		}
	})
	server := serve(t, api.ServerConfig{Handler: endless, WriteTimeout: time.Hour})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; len(cut) == 0; i++ {
		conn := server.dial(t)
		if _, err := fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n", i); err != nil {
			t.Fatal(err)
		}
		<-begun
		if i > most {
			<-tick.C
		}
		if i == 4*most {
			t.Fatalf("got nobody cut of %d clients that do not read", i)
		}
	}
	first := <-cut
	if number, err := strconv.Atoi(first[1:]); err != nil || number > most/2 {
		t.Errorf("got the client of %s cut first, want one of those that have waited longest", first)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_ = server.Shutdown(cancelled) // cuts the others
}

func TestShutdownDoesNotWaitForHalfARequest(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":   "",
		"a header":  "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
		"a body":    "POST " + refreshPath + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{",
		"the next":  "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /",
		"all of it": "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			handler, posted := newHarness(t).handler, make(chan struct{}, 1)
			server := serve(t, api.ServerConfig{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					posted <- struct{}{}
				}
				handler.ServeHTTP(w, r)
			})})
			half := server.dialFrom(t, "127.0.0.1")
			if _, err := io.WriteString(half, sent); err != nil {
				t.Fatal(err)
			}
			if name == "a body" {
				<-posted
			}
			server.do(t, http.MethodGet, "/healthz", nil) // whose connection is accepted later
			begun := time.Now()
			if err := server.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("got the end after %s, want at most the grace for a request that is arriving", took)
			}
			got, err := io.ReadAll(half.answers)
			if isTimeout(err) {
				t.Errorf("got %v, want the connection closed", err)
			}
			if name == "a body" && !strings.Contains(string(got), `"error":"shutting_down"`) {
				t.Errorf("got %q, want to be told that the server shuts down", got)
			}
		})
	}
}
