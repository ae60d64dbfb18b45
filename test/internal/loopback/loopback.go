// Package loopback has addresses for servers that end and start again.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports are below those that Linux gives to outgoing connections, which could take an address while its server is away.
const firstPort, ports = 20000, 10000

// Address returns a free address.
func Address(t testing.TB) string {
	t.Helper()
	const tries = 100
	var err error
	for range tries {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.N(ports)) // #nosec G404 -- no secret
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err == nil {
			if err = listener.Close(); err == nil {
				return address
			}
		}
	}
	t.Fatalf("%d ports were taken, the last one: %v", tries, err)
	return ""
}
