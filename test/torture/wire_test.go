package torture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
)

// wire is a TCP connection to the API server that can be spoilt.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// toxic is a way to spoil it, see toxiproxy's manual.
type toxic struct {
	Type       string           `json:"type"`
	Stream     string           `json:"stream"` // downstream is towards the sidecar
	Attributes map[string]int64 `json:"attributes"`
}

// newWire has the world's sidecars reach the API server over a wire. TLS goes through it end to end.
func newWire(t *testing.T, w *world) *wire {
	t.Helper()
	upstream, err := url.Parse(w.access.server)
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, t.Name(), loopback.Address(t), upstream.Host)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	w.access.server = "https://" + proxy.Listen
	return &wire{t, proxy}
}

// spoil adds toxics, to the connections that are open too.
func (w *wire) spoil(toxics ...toxic) {
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

// mend takes all toxics away.
func (w *wire) mend() { w.proxy.Toxics.ResetToxics(context.Background()) }
