package kube_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// newProxy returns the address of a proxy that ends with the test. It reads the request for a tunnel before it lets the test answer.
func newProxy(t *testing.T, answer func(net.Conn, *http.Request)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if request, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				answer(conn, request)
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return listener.Addr().String()
}

// answering writes a text and closes the connection.
func answering(text string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) { _, _ = io.WriteString(conn, text) }
}

// tunnel does what is asked of it.
func tunnel(conn net.Conn, r *http.Request) {
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(up, conn)
		_ = up.Close()
		close(done)
	}()
	_, _ = io.Copy(conn, up)
	_ = conn.Close()
	<-done
}

// through has requests go through the proxy at an address, with a user and a password.
func through(cfg *rest.Config, address string) *rest.Config {
	cfg.Proxy = http.ProxyURL(&url.URL{Scheme: "http", User: url.UserPassword("us3r", "passw0rd"), Host: address})
	return cfg
}

// TestProxiesThatOpenNoTunnel expects the message to name the proxy, its answer and what to do, and nobody's password.
func TestProxiesThatOpenNoTunnel(t *testing.T) {
	listening := func(answer func(net.Conn, *http.Request)) func(*testing.T) string {
		return func(t *testing.T) string { return newProxy(t, answer) }
	}
	const refused = "the proxy PROXY answered "
	for _, tt := range []struct {
		name       string
		proxy      func(*testing.T) string // its address
		text, hint string                  // parts of them
		timeout    bool
	}{
		{"405", listening(answering("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")),
			refused + "405 Method Not Allowed, and opens no tunnel to the API server", "CONNECT", false},
		{"403 with a page", listening(answering("HTTP/1.1 403 canary\r\nContent-Type: text/html\r\n\r\n<html>canary</html>")),
			refused + "403 Forbidden, and opens", "CONNECT", false},
		{"503", listening(answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")), refused + "503 Service Unavailable", "CONNECT", false},
		{"a status without a reason", listening(answering("HTTP/1.1 405\r\nContent-Length: 0\r\n\r\n")), refused + "405 Method Not Allowed", "CONNECT", false},
		{"a status without a name", listening(answering("HTTP/1.1 599 canary\r\nContent-Length: 0\r\n\r\n")), refused + "599, and", "CONNECT", false},
		{"a redirect", listening(answering("HTTP/1.1 302 Found\r\nLocation: https://canary.example.com/\r\nContent-Length: 0\r\n\r\n")),
			refused + "302 Found", "CONNECT", false},
		{"asks who it is", listening(answering("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=canary\r\nContent-Length: 0\r\n\r\n")),
			refused + "407 Proxy Authentication Required", "http://USER:PASSWORD@HOST:PORT", false},
		{"garbage", listening(answering("SSH-2.0-canary\r\n")), "no usable answer (*errors.errorString), through the proxy PROXY", "HTTPS_PROXY", false},
		{"closes", listening(answering("")), "the connection ended before the answer was complete, through the proxy PROXY", "HTTPS_PROXY", false},
		{"closes the tunnel", listening(answering("HTTP/1.1 200 OK\r\n\r\n")),
			"the connection ended before the answer was complete, through the proxy PROXY", "HTTPS_PROXY", false},
		{"says nothing", listening(func(conn net.Conn, _ *http.Request) { _, _ = io.Copy(io.Discard, conn) }),
			"no complete answer in time, through the proxy PROXY", "HTTPS_PROXY", true},
		{"is not there", func(t *testing.T) string {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			return listener.Addr().String()
		}, "proxyconnect tcp: dial tcp PROXY: connect: connection refused", "the proxy of HTTPS_PROXY, or of the kubeconfig's proxy-url, cannot be used", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address := tt.proxy(t)
			patience := time.Minute
			if tt.timeout {
				patience = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := newSource(t, kube.Config{REST: through(newTLSAPI(t).rest(), address)}).List(ctx, alertsNamespace)
			e := asError(t, err)
			if want := strings.ReplaceAll(tt.text, "PROXY", address); !strings.Contains(e.Error(), want) {
				t.Errorf("got error %q, want it to say %q", e, want)
			}
			if !strings.Contains(e.Hint, tt.hint) || !strings.Contains(e.Hint, "NO_PROXY") {
				t.Errorf("got hint %q, want it to speak of %q and NO_PROXY", e.Hint, tt.hint)
			}
			for _, secret := range []string{"canary", "us3r", "passw0rd"} {
				if told := fmt.Sprintf("%v %+v %s", e, e, e.Hint); strings.Contains(told, secret) {
					t.Errorf("got %s, which tells %q", told, secret)
				}
			}
			if timeout := e.Type == source.TimeoutError; e.Permanent || e.Denied || timeout != tt.timeout {
				t.Errorf("got %+v, want it transient, and timeout %t", e, tt.timeout)
			}
		})
	}
}

// TestAProxyThatOpensATunnel gets what it asks for.
func TestAProxyThatOpensATunnel(t *testing.T) {
	told := make(chan string, 1)
	proxy := newProxy(t, func(conn net.Conn, r *http.Request) {
		told <- r.Header.Get("Proxy-Authorization")
		tunnel(conn, r)
	})
	k := newSource(t, kube.Config{REST: through(newTLSAPI(t, targetSecrets(3)...).rest(), proxy)})
	listing, err := k.List(t.Context(), alertsNamespace)
	if err != nil || len(listing.Secrets) != 3 {
		t.Errorf("got %d Secrets and %v, want 3", len(listing.Secrets), err)
	}
	if got, want := <-told, "Basic "+base64.StdEncoding.EncodeToString([]byte("us3r:passw0rd")); got != want {
		t.Errorf("the proxy was told %q, want %q", got, want)
	}
}

// TestAnAddressThatIsNoProxy has a proxy variable that cannot be used: net/http's error quotes it.
func TestAnAddressThatIsNoProxy(t *testing.T) {
	cfg := newTLSAPI(t).rest()
	cfg.Proxy = func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "us3r:passw0rd@"`)
	}
	_, err := newSource(t, kube.Config{REST: cfg}).List(t.Context(), alertsNamespace)
	e := asError(t, err)
	if told := e.Error() + e.Hint; strings.Contains(told, "passw0rd") || !strings.Contains(told, "the address of the proxy cannot be used") ||
		!strings.Contains(e.Hint, "correct HTTPS_PROXY") {
		t.Errorf("got %q with hint %q, want them to speak of the proxy's address without showing it", e, e.Hint)
	}
}
