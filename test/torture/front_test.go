package torture_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// front is a proxy in front of the real API server, which counts what a sidecar asks and can answer in the API server's stead.
type front struct {
	*httptest.Server
	proxy   http.Handler // to the API server
	mu      sync.Mutex
	shown   *tls.Certificate // what clients see; nil: the test server's own
	instead http.HandlerFunc // what answers in the API server's stead; nil: nothing does
	only    string           // what instead answers: list, watch, or both with ""
	asks    asks             // since the last call of answer
}

// newFront has the world's sidecars reach the API server through a front. Its certificate is its own.
func newFront(t *testing.T, w *world) *front {
	t.Helper()
	upstream, err := url.Parse(w.access.server)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.access.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:     transport,
		FlushInterval: -1, // a watch's events at once
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	f := &front{proxy: proxy}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if instead := f.note(r); instead != nil {
			instead(rw, r)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	f.EnableHTTP2 = true
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: f.configure}
	f.StartTLS()
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
		transport.CloseIdleConnections()
	})
	w.through(f.Server)
	return f
}

// unlessFirstPage has instead answer the later pages of a LIST, and the API server all that instead returns false for.
func (f *front) unlessFirstPage(instead func(http.ResponseWriter, *http.Request) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continue") == "" || !instead(w, r) {
			f.proxy.ServeHTTP(w, r)
		}
	}
}

// note counts a request and says who answers it.
func (f *front) note(r *http.Request) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := "list"
	switch {
	case r.URL.Query().Get("watch") != "":
		kind = "watch"
		f.asks.watches++
	case r.URL.Query().Get("limit") == "1":
		f.asks.checks++
	default:
		f.asks.lists++
	}
	if f.only != "" && f.only != kind {
		return nil
	}
	return f.instead
}

// answer has a handler answer requests of a kind in the API server's stead (nil: the API server answers again), and starts the counts anew.
func (f *front) answer(only string, instead http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead, f.only = instead, only
	f.asks = asks{}
}

// asked returns the requests since the last call of answer.
func (f *front) asked() asks {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asks
}

// asks are numbers of requests.
type asks struct {
	lists   int
	checks  int // of the version: LISTs of one Secret
	watches int
}

func (a asks) String() string {
	return fmt.Sprintf("%d LISTs, %d checks and %d watches", a.lists, a.checks, a.watches)
}

// total is the number of all requests.
func (a asks) total() int { return a.lists + a.checks + a.watches }

// within reports whether no kind of request was more frequent than a budget allows.
func (a asks) within(most asks) bool {
	return a.lists <= most.lists && a.checks <= most.checks && a.watches <= most.watches
}

// present has new connections see another certificate.
func (f *front) present(certificate *tls.Certificate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown = certificate
}

func (f *front) configure(*tls.ClientHelloInfo) (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shown == nil {
		return nil, nil // the server's configuration stays as it is
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: f.TLS.NextProtos, Certificates: []tls.Certificate{*f.shown}}, nil
}
