package follow_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/test/internal/wire"
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

// newNetwork returns a network to the API server that the test can spoil.
func (w *world) newNetwork() *wire.Wire { return wire.New(w.t, w.plane.AdminConfig().Host) }

// over has an engine use the network.
func over(network *wire.Wire) func(*setup) {
	return func(s *setup) { s.server.REST.Host = network.URL() }
}
