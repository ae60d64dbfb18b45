package follow_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestAnAPIServerOnIPv6Alone finds it in the ways in which a kubeconfig can name it.
func TestAnAPIServerOnIPv6Alone(t *testing.T) {
	t.Parallel()
	private := controlplane.StartIPv6(t)
	w := newWorld(t, private.Plane)
	w.webhook("a", 1)
	kubeconfig := w.plane.WriteKubeconfig(t, w.user, w.namespace)
	text, err := os.ReadFile(kubeconfig)
	w.must(err)
	for _, address := range []string{"[::1]", "[0:0:0:0:0:0:0:1]"} {
		t.Run(address, func(t *testing.T) {
			w := *w
			w.t = t
			w.must(os.WriteFile(kubeconfig, bytes.ReplaceAll(text, []byte("[::1]"), []byte(address)), 0o600))
			config, namespace, err := kube.RESTConfig(kubeconfig, "")
			w.must(err, differ(w.namespace, namespace))
			e := w.follow(func(s *setup) { s.server.REST = ownConnections(t, config) })
			e.told("the API server listens on IPv6 alone, as "+address, e.late(&w, "a"))
			e.expectRequests(exactly(1), exactly(1))
		})
	}
}
