package follow_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// idleStream is a stream that is closed when nothing has come through it for a while.
type idleStream struct {
	io.ReadCloser
	limit time.Duration
	timer *time.Timer
}

func newIdleStream(stream io.ReadCloser, limit time.Duration, end func()) *idleStream {
	return &idleStream{stream, limit, time.AfterFunc(limit, end)}
}

// Read implements io.Reader.
func (s *idleStream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if n > 0 {
		s.timer.Reset(s.limit)
	}
	return n, err
}

// Close implements io.Closer.
func (s *idleStream) Close() error {
	s.timer.Stop()
	return s.ReadCloser.Close()
}

// balancer returns the address of a load balancer that passes connections on and ends those on which nothing has come from either side for a
// while.
func (w *world) balancer(limit time.Duration) (server string) {
	w.t.Helper()
	upstream, err := url.Parse(w.plane.AdminConfig().Host)
	w.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			down, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { passOn(down, upstream.Host, limit) })
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return "https://" + listener.Addr().String()
}

// passOn passes on what comes on one connection.
func passOn(down net.Conn, to string, limit time.Duration) {
	defer down.Close() //nolint:errcheck // both ends know already
	up, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	end := func() { _, _ = down.Close(), up.Close() }
	fromBelow := newIdleStream(down, limit, end)
	fromAbove := &idleStream{up, limit, fromBelow.timer}
	var copying sync.WaitGroup
	for from, to := range map[io.ReadCloser]io.Writer{fromBelow: up, fromAbove: down} {
		copying.Go(func() {
			_, _ = io.Copy(to, from)
			end()
		})
	}
	copying.Wait()
	fromBelow.timer.Stop()
}

// overConnections has an engine use it.
func (w *world) overConnections(limit time.Duration) func(*setup) {
	server := w.balancer(limit)
	return func(s *setup) { s.server.REST.Host = server }
}

// overRequests has an engine use a load balancer that passes requests on, each a stream of its own, and aborts answers of which nothing has come
// for a while.
func (w *world) overRequests(limit time.Duration) func(*setup) {
	w.t.Helper()
	config := w.plane.AdminConfig()
	upstream, err := url.Parse(config.Host)
	w.must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(config.CAData)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:     transport,
		FlushInterval: -1, // events at once
		ErrorLog:      log.New(io.Discard, "", 0),
		ModifyResponse: func(resp *http.Response) error {
			body := resp.Body
			resp.Body = newIdleStream(body, limit, func() { _ = body.Close() })
			return nil
		},
	})
	front.EnableHTTP2 = true
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	w.t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		transport.CloseIdleConnections()
	})
	return func(s *setup) {
		s.server.REST.Host = front.URL
		s.server.REST.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	}
}

// TestALoadBalancerCutsWhatIsIdle expects each edit that falls into a gap to arrive with the watch that follows, without a LIST and without a
// warning.
func TestALoadBalancerCutsWhatIsIdle(t *testing.T) {
	t.Parallel()
	const limit, cuts = 12 * time.Second, 2 // longer than the longest wait between watches
	for name, through := range map[string]func(*world, time.Duration) func(*setup){
		"connections": (*world).overConnections, "requests": (*world).overRequests,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, controlplane.Get(t))
			w.webhook("a", 1)
			e := w.follow(through(w, limit), func(s *setup) { s.keeps = []string{"a"} })
			worst := time.Duration(0)
			for range cuts {
				e.untilStatus("is cut off", disconnected)
				worst = max(worst, e.late(w, "a"))
				e.untilStatus("follows changes again", connected)
			}
			e.told("a load balancer cuts idle "+name+" after "+limit.String(), worst)
			e.expectRequests(exactly(1), exactly(1+cuts))
			if got := e.requests.checks.Load(); got > cuts {
				t.Errorf("got %d checks whether the API server has gone back, want at most one for each of %d cuts", got, cuts)
			}
			if got := e.warnings.lines(); got != 0 {
				t.Errorf("got %d warnings, want none:\n%s", got, &e.warnings)
			}
		})
	}
}
