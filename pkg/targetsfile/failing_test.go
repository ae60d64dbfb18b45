package targetsfile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// secretPath is what all requests of these tests ask for.
const secretPath = "/services/" + canary + "?token=" + canary

// post sends a request with a secret path, query and header, and returns its error.
func post(t *testing.T, ctx context.Context, client *http.Client, base string) error {
	t.Helper()
	x := target("slack-prod")
	x.URL = base + secretPath
	request, err := x.NewRequest(ctx, http.MethodPost, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return err
}

// echo is a server that answers each request, which it has read, with these bytes.
func echo(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-served
	})
	return "http://" + listener.Addr().String()
}

// closedPort returns the address of a port where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err, listener.Close())
	return listener.Addr().String()
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// secure is a server whose certificate no client of these tests trusts.
func secure(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// hanging is a server that answers when the client has gone.
func hanging(t *testing.T) string {
	t.Helper()
	return serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		<-r.Context().Done()
	}).URL
}

// failures are the ways in which a request fails, by name.
func failures(t *testing.T) map[string]error {
	ctx := t.Context()
	client := func() *http.Client { return &http.Client{Transport: &http.Transport{}} }
	via := func(transport *http.Transport) *http.Client { return &http.Client{Transport: transport} }
	redirecting := func(location string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}).URL
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	expired, cancelExpired := context.WithTimeout(ctx, time.Millisecond)
	t.Cleanup(cancelExpired)
	caused, cancelCaused := context.WithCancelCause(ctx)
	cancelCaused(errDrained)
	slow := client()
	slow.Timeout = 20 * time.Millisecond
	slowHeader := &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}
	refusing := client()
	refusing.CheckRedirect = func(r *http.Request, _ []*http.Request) error { return fmt.Errorf("%w to %s", errDrained, r.URL) }
	deaf := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", closedPort(t))
	}}
	truncated := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
		panic(http.ErrAbortHandler)
	}).URL
	broken := strings.Join([]string{"http:", "", "%" + canary}, "/")

	return map[string]error{
		"refused":              post(t, ctx, client(), "http://"+closedPort(t)),
		"no such host":         post(t, ctx, via(&http.Transport{DialContext: (&net.Dialer{Resolver: deaf}).DialContext}), "http://hooks.example"),
		"redirect loop":        post(t, ctx, client(), redirecting(secretPath)),
		"redirect to no URL":   post(t, ctx, client(), redirecting("http://[::1/"+canary)),
		"redirect to a scheme": post(t, ctx, client(), redirecting("gopher://x/"+canary)),
		"redirect refused":     post(t, ctx, refusing, redirecting(secretPath)),
		"certificate":          post(t, ctx, client(), secure(t)),
		"no TLS":               post(t, ctx, client(), strings.Replace(hanging(t), "http:", "https:", 1)),
		"cancelled":            post(t, cancelled, client(), hanging(t)),
		"deadline":             post(t, expired, client(), hanging(t)),
		"cause":                post(t, caused, client(), hanging(t)),
		"client timeout":       post(t, ctx, slow, hanging(t)),
		"header timeout":       post(t, ctx, via(slowHeader), hanging(t)),
		"closed":               post(t, ctx, client(), echo(t, "")),
		"truncated":            post(t, ctx, client(), truncated),
		"echoed line":          post(t, ctx, client(), echo(t, "POST "+secretPath+"\r\n\r\n")),
		"echoed status":        post(t, ctx, client(), echo(t, "HTTP/1.1 "+canary+" OK\r\n\r\n")),
		"echoed header":        post(t, ctx, client(), echo(t, "HTTP/1.1 200 OK\r\n"+canary+"\r\n\r\n")),
		"echoed length":        post(t, ctx, client(), echo(t, "HTTP/1.1 200 OK\r\nContent-Length: "+canary+"\r\n\r\n")),
		"echoed encoding":      post(t, ctx, client(), echo(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+canary+"\r\n\r\n")),
		"proxy refused":        post(t, ctx, via(&http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: closedPort(t)})}), "http://hooks.example"),
		"proxy without a URL":  post(t, ctx, via(&http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(broken) }}), "http://hooks.example"),
		"control character":    post(t, ctx, client(), "https://hooks.example/\x7f"),
		"bad escape":           post(t, ctx, client(), "https://hooks.example/%z"),
		"bad port":             post(t, ctx, client(), "https://hooks.example:"+canary),
		"bad host":             post(t, ctx, client(), "https://hooks .example"),
		"no scheme":            post(t, ctx, client(), ":"),
		"other scheme":         post(t, ctx, client(), "gopher://hooks.example"),
	}
}

var errDrained = errors.New("the pod is drained")
