package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// testServer is a running server and a client that keeps no connections.
type testServer struct {
	*api.Server
	client *http.Client
	served chan error // what Serve returned
}

// serve runs a server on a free port of the loopback interface until the test ends.
func serve(t *testing.T, config api.ServerConfig) *testServer {
	t.Helper()
	config.Address = "127.0.0.1:0"
	server, err := api.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{
		Server: server,
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		served: make(chan error, 1),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.served <- server.Serve()
	}()
	t.Cleanup(func() {
		// Not t.Context(), which has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		<-done
	})
	return s
}

// answer is a response, read to its end.
type answer struct {
	code   int
	header http.Header
	body   string
}

func (s *testServer) send(ctx context.Context, method, path string, body io.Reader) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr().String()+path, body)
	if err != nil {
		return answer{}, err
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

func (s *testServer) do(t *testing.T, method, path string, body io.Reader) answer {
	t.Helper()
	a, err := s.send(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dial opens a connection whose reads fail, rather than hang, if the server forgets it.
func (s *testServer) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestServerKnowsItsPortAndAnswers(t *testing.T) {
	h := newHarness(t)
	server := serve(t, api.ServerConfig{Handler: h.handler})
	if _, port, err := net.SplitHostPort(server.Addr().String()); err != nil || port == "0" {
		t.Errorf("got address %v, want the chosen port", server.Addr())
	}
	if got := server.do(t, http.MethodPost, refreshPath, strings.NewReader("{}")); got.code != http.StatusAccepted {
		t.Errorf("got %d %s, want 202", got.code, got.body)
	}
}

func TestComplaintsOfTheServerAreLogged(t *testing.T) {
	var log logBuffer
	server := serve(t, api.ServerConfig{Logger: zerolog.New(&log), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusOK)
	})})
	server.do(t, http.MethodGet, "/", nil)
	line := log.take(t)[0]
	if got := line["error"]; !strings.Contains(fmt.Sprint(got), "superfluous") || line["level"] != "warn" {
		t.Errorf("got %v, want net/http's complaint as a warning", line)
	}
}

func TestNewServerReportsAnAddressInUse(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: http.NotFoundHandler()})
	address := server.Addr().String()
	_, err := api.NewServer(api.ServerConfig{Address: address, Handler: http.NotFoundHandler()})
	if err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v, want an error that names %s", err, address)
	}
}

func TestNewServerNeedsAHandler(t *testing.T) {
	if _, err := api.NewServer(api.ServerConfig{Address: "127.0.0.1:0"}); err == nil {
		t.Error("got no error, want one: net/http would serve http.DefaultServeMux")
	}
}

// busyServer has one refresh request in flight, which ends with release.
func busyServer(t *testing.T) (server *testServer, answered chan answer, failed chan error, release func()) {
	t.Helper()
	h := newHarness(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	h.refresh = func(string) (*targetsync.Run, error) {
		close(entered)
		<-leave
		return run(), nil
	}
	server = serve(t, api.ServerConfig{Handler: h.handler})
	answered, failed = make(chan answer, 1), make(chan error, 1)
	go func() {
		if a, err := server.send(context.Background(), http.MethodPost, refreshPath, nil); err != nil {
			failed <- err
		} else {
			answered <- a
		}
	}()
	<-entered
	return server, answered, failed, func() { close(leave) }
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	server, answered, failed, release := busyServer(t)
	down := make(chan error, 1)
	go func() { down <- server.Shutdown(context.Background()) }()
	if err := <-server.served; err != nil { // Serve returns when the shutdown begins
		t.Errorf("got %v from Serve, want nil", err)
	}
	if _, err := server.send(t.Context(), http.MethodGet, "/healthz", nil); err == nil {
		t.Error("got an answer during the shutdown, want the connection refused")
	}
	select {
	case err := <-down:
		t.Fatalf("got Shutdown done (%v) with a request in flight", err)
	default:
	}
	release()
	select {
	case a := <-answered:
		if a.code != http.StatusAccepted {
			t.Errorf("got %d, want 202", a.code)
		}
	case err := <-failed:
		t.Errorf("got %v for the request in flight, want its answer", err)
	}
	if err := <-down; err != nil {
		t.Errorf("got %v from Shutdown, want nil", err)
	}
}

func TestShutdownDoesNotWaitForever(t *testing.T) {
	server, answered, failed, release := busyServer(t)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
	select {
	case a := <-answered:
		t.Errorf("got answer %d, want the connection cut", a.code)
	case <-failed:
	}
}

func TestShutdownWithoutServeFreesThePort(t *testing.T) {
	config := api.ServerConfig{Address: "127.0.0.1:0", Handler: http.NotFoundHandler()}
	server, err := api.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	config.Address = server.Addr().String()
	again, err := api.NewServer(config)
	if err != nil {
		t.Fatalf("got %v, want the port free", err)
	}
	if err := again.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := again.Serve(); err != nil {
		t.Errorf("got %v from Serve after Shutdown, want nil", err)
	}
}
