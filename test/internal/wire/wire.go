// Package wire puts a network that a test can spoil between a client and an API server. TLS goes through it end to end.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
)

// Wire is a TCP proxy in front of a server.
type Wire struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// Toxic is one way to spoil a wire, see toxiproxy's manual.
type Toxic struct {
	Type       string           `json:"type"`
	Stream     string           `json:"stream"`
	Attributes map[string]int64 `json:"attributes"`
}

// Downstream is a toxic on the way to the client.
func Downstream(kind string, attributes map[string]int64) Toxic {
	return Toxic{kind, "downstream", attributes}
}

// Upstream is a toxic on the way to the server.
func Upstream(kind string, attributes map[string]int64) Toxic {
	return Toxic{kind, "upstream", attributes}
}

// New returns a wire to the server at this URL. It goes with t.
func New(t testing.TB, server string) *Wire {
	t.Helper()
	upstream, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &Wire{t, toxiproxy.NewProxy(proxies, t.Name(), loopback.Address(t), upstream.Host)}
	w.start()
	t.Cleanup(w.proxy.Stop)
	return w
}

// start listens. A wire that was cut has nobody who keeps its address: another test may just be trying whether that is free.
func (w *Wire) start() {
	w.t.Helper()
	for tries := 100; ; tries-- {
		err := w.proxy.Start()
		if err == nil {
			return
		}
		if tries == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			w.t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// URL is where the client finds the server.
func (w *Wire) URL() string { return "https://" + w.proxy.Listen }

// Cut ends all connections, and refuses new ones.
func (w *Wire) Cut() { w.proxy.Stop() }

// Silence swallows whatever is sent in either direction. Connections stay open, and new ones are accepted.
func Silence() []Toxic {
	forever := map[string]int64{"timeout": 0}
	return []Toxic{Downstream("timeout", forever), Upstream("timeout", forever)}
}

// Spoil adds toxics, also to the connections that are open.
func (w *Wire) Spoil(toxics ...Toxic) {
	w.t.Helper()
	for _, toxic := range toxics {
		text, err := json.Marshal(toxic)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Mend ends whatever is wrong. Connections that swallowed something are closed.
func (w *Wire) Mend() {
	w.t.Helper()
	w.proxy.Toxics.ResetToxics(context.WithoutCancel(w.t.Context()))
	if !w.proxy.Enabled {
		w.start()
	}
}

// IgnoreLeaks has goleak pass over the goroutines that toxiproxy leaves behind now and then, when a toxic comes to a connection that is busy.
func IgnoreLeaks() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
	}
}
