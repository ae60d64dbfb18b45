package follow_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
)

// ownConnections keeps client-go from sharing connections with other clients of this process, which it does for equal configurations, and
// closes them after the test: a watch that has just been cancelled keeps its connection from being idle for a moment.
func ownConnections(t testing.TB, config *rest.Config) *rest.Config {
	var mu sync.Mutex
	var all []net.Conn
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, conn)
		}
		return conn, err
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range all {
			_ = conn.Close()
		}
	})
	return config
}

// line is the connection between an engine and the API server, which a test can spoil.
type line struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

func (w *world) newLine() *line {
	w.t.Helper()
	server, err := url.Parse(w.plane.AdminConfig().Host)
	w.must(err)
	l := &line{t: w.t, proxy: toxiproxy.NewProxy(
		toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
		"API server", loopback.Address(w.t), server.Host)}
	w.must(l.proxy.Start())
	w.t.Cleanup(l.proxy.Stop)
	return l
}

// carry has an engine use the line.
func (l *line) carry(s *setup) { s.server.REST.Host = "https://" + l.proxy.Listen }

// cut ends all connections, and refuses new ones.
func (l *line) cut() { l.proxy.Stop() }

// silence swallows whatever is sent in either direction. Connections stay open, and new ones are accepted.
func (l *line) silence() {
	l.t.Helper()
	for _, direction := range []string{"upstream", "downstream"} {
		toxic := `{"name":"` + direction + `","type":"timeout","stream":"` + direction + `","attributes":{"timeout":0}}`
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			l.t.Fatal(err)
		}
	}
}

// mend ends whatever is wrong. Connections that swallowed something are closed.
func (l *line) mend() {
	l.t.Helper()
	l.proxy.Toxics.ResetToxics(context.WithoutCancel(l.t.Context()))
	if !l.proxy.Enabled {
		if err := l.proxy.Start(); err != nil {
			l.t.Fatal(err)
		}
	}
}
