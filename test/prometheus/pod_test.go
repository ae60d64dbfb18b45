package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// pod is a sidecar and an app with a directory between them, as they share a pod.
type pod struct {
	t         *testing.T
	plane     *controlplane.Plane
	user      controlplane.User
	namespace string // in the cluster
	dir       string
	address   string // of the sidecar
	sidecar   *sidecar.Process
	app       *app
}

// newPod makes a namespace with one Secret, runs a sidecar that may do these verbs with it, and an app.
func newPod(t *testing.T, plane *controlplane.Plane, user controlplane.User, verbs ...string) *pod {
	t.Helper()
	p := &pod{t: t, plane: plane, user: user, namespace: plane.Namespace(t), dir: filepath.Join(t.TempDir(), "targets"), address: loopback.Address(t)}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.grant(verbs...)
	p.put(map[string]string{"type": "webhook", "url": "https://example.com/canary-secret-value"})
	p.start()
	p.sidecar.Until("publishes", func() error {
		if code, body := p.sidecar.Do(http.MethodGet, "/readyz"); code != http.StatusOK {
			return fmt.Errorf("readyz answered %d: %s", code, body)
		}
		return nil
	})
	p.app = newApp(t)
	p.app.restart(p.path())
	return p
}

func (p *pod) path() string { return filepath.Join(p.dir, "targets.json") }

// start runs the sidecar, each time on the same port.
func (p *pod) start() {
	p.t.Helper()
	args := []string{"--kubeconfig", p.plane.WriteKubeconfig(p.t, p.user, p.namespace),
		"--refresh-interval", "2s", "--refresh-timeout", "2s", "--retry-backoff", "1s", "--startup-backoff", "1s",
		"--listen-address", p.address}
	p.sidecar = sidecar.Start(p.t, p.path(), args...)
}

func (p *pod) grant(verbs ...string) {
	p.t.Helper()
	if len(verbs) == 0 {
		p.plane.Revoke(p.t, p.user, p.namespace)
		return
	}
	p.plane.Grant(p.t, p.user, p.namespace, verbs...)
}

// put makes the namespace's one Secret hold these flat keys.
func (p *pod) put(data map[string]string) {
	p.t.Helper()
	values := map[string][]byte{}
	for key, value := range data {
		values[key] = []byte(value)
	}
	secret := corev1ac.Secret("target", p.namespace).WithLabels(map[string]string{"publishing-target": "true"}).WithData(values)
	_, err := p.plane.Admin().CoreV1().Secrets(p.namespace).Apply(p.t.Context(), secret, metav1.ApplyOptions{FieldManager: "test", Force: true})
	if err != nil {
		p.t.Fatal(err)
	}
}

// app exports what a reader has applied, as the real app does beside its other metrics.
type app struct {
	t       *testing.T
	url     string
	handler atomic.Pointer[http.Handler]
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// restart makes the app read the snapshot at path with a new reader.
func (a *app) restart(path string) {
	a.t.Helper()
	reader, err := targetsfile.Open(a.t.Context(), path)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = reader.Close() })
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(reader))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	a.handler.Store(&handler)
}
