package kube_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// hijacked takes the connection of a request away from the HTTP server.
func hijacked(w http.ResponseWriter, use func(net.Conn)) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	use(conn)
	_ = conn.Close()
}

func TestConnectionsThatFail(t *testing.T) {
	answering := func(answer http.HandlerFunc) func(*testing.T) *rest.Config {
		return func(t *testing.T) *rest.Config {
			api := newAPI(t)
			api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				answer(w, r)
				return true
			}
			return api.rest()
		}
	}
	dialing := func(err error) func(*testing.T) *rest.Config {
		return func(*testing.T) *rest.Config {
			return &rest.Config{Host: "http://api.example.com", Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
			}}
		}
	}
	for _, tt := range []struct {
		name       string
		server     func(*testing.T) *rest.Config
		text, hint string // parts of them
		timeout    bool
	}{
		{"nobody listens", func(t *testing.T) *rest.Config {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			return &rest.Config{Host: "http://" + listener.Addr().String()}
		}, "connect: connection refused", "nothing listens", false},
		{"reset", answering(func(w http.ResponseWriter, _ *http.Request) {
			hijacked(w, func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) })
		}), "connection reset by peer", "NetworkPolicy", false},
		{"closed without an answer", answering(func(w http.ResponseWriter, _ *http.Request) {
			hijacked(w, func(net.Conn) {})
		}), "the connection ended before the answer was complete", "NetworkPolicy", false},
		{"cut off", answering(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
		}), "the connection ended before the answer was complete", "NetworkPolicy", false},
		{"a broken refusal", answering(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusForbidden)
		}), "the connection ended before the answer was complete", "NetworkPolicy", false},
		{"not HTTP", answering(func(w http.ResponseWriter, _ *http.Request) {
			hijacked(w, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n") })
		}), "no usable answer (*", "server address", false},
		{"stream aborted", func(t *testing.T) *rest.Config {
			api := newTLSAPI(t)
			api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			return api.rest()
		}, "no usable answer (http2.StreamError)", "NetworkPolicy", false},
		{"name not found", dialing(&net.DNSError{Err: "no such host", Name: "api.example.com", IsNotFound: true}),
			"dial tcp: lookup api.example.com: no such host", "DNS", false},
		{"name server slow", dialing(&net.DNSError{Err: "i/o timeout", Name: "api.example.com", IsTimeout: true}),
			"dial tcp: lookup api.example.com: i/o timeout", "DNS", true},
		{"unknown CA", func(t *testing.T) *rest.Config {
			cfg := newTLSAPI(t).rest()
			cfg.CAData = nil
			return cfg
		}, "certificate signed by unknown authority", "ca.crt", false},
		{"another name", func(t *testing.T) *rest.Config {
			cfg := newTLSAPI(t).rest()
			cfg.ServerName = "kubernetes.default.svc"
			return cfg
		}, "not kubernetes.default.svc", "tls-server-name", false},
		{"no credentials", func(t *testing.T) *rest.Config {
			cfg := newTLSAPI(t).rest()
			cfg.ExecProvider = &clientcmdapi.ExecConfig{
				APIVersion: "client.authentication.k8s.io/v1", Command: "/bin/false", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
			}
			return cfg
		}, "no request was sent", "credential plugin", false},
		{"TLS to a plain server", func(t *testing.T) *rest.Config {
			cfg := newAPI(t).rest()
			cfg.Host = strings.Replace(cfg.Host, "http:", "https:", 1)
			return cfg
		}, "the server does not speak TLS", "server address", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newSource(t, kube.Config{REST: tt.server(t)})
			_, err := k.List(t.Context(), alertsNamespace)
			e := asError(t, err)
			if !strings.HasPrefix(e.Error(), `listing Secrets in namespace "alerts": `) || !strings.Contains(e.Error(), tt.text) {
				t.Errorf("got error %q, want it to say %q", e, tt.text)
			}
			if !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("got hint %q, want it to speak of %q", e.Hint, tt.hint)
			}
			if timeout := e.Type == source.TimeoutError; e.Permanent || e.Denied || timeout != tt.timeout {
				t.Errorf("got %+v, want it transient, and timeout %t", e, tt.timeout)
			}
		})
	}
}

func TestPlainRequestToATLSServer(t *testing.T) {
	cfg := newTLSAPI(t).rest()
	cfg.Host, cfg.CAData = strings.Replace(cfg.Host, "https:", "http:", 1), nil
	_, err := newSource(t, kube.Config{REST: cfg}).List(t.Context(), alertsNamespace)
	e := asError(t, err)
	if !e.Permanent || !strings.HasSuffix(e.Error(), "the server answered 400 Bad Request") || !strings.Contains(e.Hint, "server address") {
		t.Errorf("got %+v with hint %q, want a permanent 400 that doubts the address", e, e.Hint)
	}
}

// hangs are servers that stop talking at some point.
func TestDeadlineEndsAList(t *testing.T) {
	for name, hang := range map[string]func(n int, w http.ResponseWriter, r *http.Request) bool{
		"before the answer": func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			return true
		},
		"in the answer": func(_ int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
			_, _ = io.WriteString(w, "k8s\x00")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		},
		"on a later page": func(n int, _ http.ResponseWriter, r *http.Request) bool {
			if n == 2 {
				<-r.Context().Done()
			}
			return n == 2
		},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t, targetSecrets(501)...)
			api.instead = hang
			ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("a cause of any kind"))
			defer cancel()
			_, err := api.source(t).List(ctx, alertsNamespace)
			e := asError(t, err)
			if e.Type != source.TimeoutError || e.Permanent || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %+v, want a transient timeout", e)
			}
			if want := `listing Secrets in namespace "alerts": no complete answer in time`; e.Error() != want {
				t.Errorf("got %q, want %q", e, want)
			}
			if !strings.Contains(e.Hint, "--refresh-timeout") {
				t.Errorf("got hint %q, want it to name --refresh-timeout", e.Hint)
			}
		})
	}
}
