package torture_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// world is a namespace with a user who has the rights that deploy/pod-example.yaml gives.
type world struct {
	t         *testing.T
	plane     *controlplane.Plane
	admin     kubernetes.Interface
	namespace string
	user      controlplane.User
	access    access
	path      string // of the snapshot
}

// access is how a sidecar reaches the API server.
type access struct {
	server, token, tokenFile string // token or tokenFile is set, not both
	ca                       []byte
	caFile                   string
}

func newWorld(t *testing.T, plane *controlplane.Plane) *world {
	t.Helper()
	w := &world{t: t, plane: plane, admin: plane.Admin(), namespace: plane.Namespace(t), user: plane.User(t),
		path: filepath.Join(t.TempDir(), "targets.json")}
	plane.Grant(t, w.user, w.namespace, "list", "watch")
	config := plane.Config(w.user)
	w.access = access{server: config.Host, token: w.user.Token, ca: config.CAData}
	return w
}

// through has the sidecar reach the API server through a server that stands in front of it.
func (w *world) through(front *httptest.Server) {
	w.access.server = front.URL
	w.access.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
}

func (w *world) kubeconfig() string {
	w.t.Helper()
	config := api.NewConfig()
	config.Clusters["c"] = &api.Cluster{Server: w.access.server, CertificateAuthorityData: w.access.ca, CertificateAuthority: w.access.caFile}
	config.AuthInfos["u"] = &api.AuthInfo{Token: w.access.token, TokenFile: w.access.tokenFile}
	config.Contexts["x"] = &api.Context{Cluster: "c", AuthInfo: "u", Namespace: w.namespace}
	config.CurrentContext = "x"
	path := filepath.Join(w.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// args are the flags of a sidecar that is quick to notice and to try again.
func (w *world) args(more ...string) []string {
	return append([]string{"--kubeconfig", w.kubeconfig(), "--rate-limit", "0", "--refresh-interval", "1s", "--refresh-timeout", "2s",
		"--retry-backoff", "1s", "--startup-backoff", "1s"}, more...)
}

// start runs a sidecar, built with the race detector, until it has published everything there is.
func (w *world) start(more ...string) *sidecar.Process {
	w.t.Helper()
	p := sidecar.Start(w.t, w.path, w.args(more...)...)
	p.Until("publishes", func() error { return succeeded(p) })
	return p
}

// succeeded fails until a refresh has ended well.
func succeeded(p *sidecar.Process) error {
	if s := p.Status(); s.State != "success" || s.Failures > 0 {
		return fmt.Errorf("status %s: %s", s.State, s.Error)
	}
	return nil
}

// failed fails until n refreshes in a row have ended badly.
func failed(p *sidecar.Process, n int) error {
	if s := p.Status(); s.Failures < n {
		return fmt.Errorf("%d failures", s.Failures)
	}
	return nil
}

// put creates or replaces a labelled Secret.
func (w *world) put(name string, data map[string]string) {
	w.t.Helper()
	if err := w.tryPut(name, data); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryPut(name string, data map[string]string) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"publishing-target": "true"}},
		StringData: data,
	}
	_, err := w.admin.CoreV1().Secrets(w.namespace).Update(w.t.Context(), secret, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = w.admin.CoreV1().Secrets(w.namespace).Create(w.t.Context(), secret, metav1.CreateOptions{})
	}
	return err
}

// webhook puts a Secret that yields a target of the same name. Its URL carries a number.
func (w *world) webhook(name string, number int) {
	w.t.Helper()
	w.put(name, webhook(number))
}

func webhook(number int) map[string]string {
	return map[string]string{"type": "webhook", "url": fmt.Sprintf("https://example.com/%d", number)}
}

// createMany makes Secrets named prefix-00000 and so on, a few at a time.
func (w *world) createMany(prefix string, count int, data func(i int) map[string]string) {
	w.t.Helper()
	var creating errgroup.Group
	creating.SetLimit(8)
	for i := range count {
		creating.Go(func() error { return w.tryPut(fmt.Sprintf("%s-%05d", prefix, i), data(i)) })
	}
	if err := creating.Wait(); err != nil {
		w.t.Fatal(err)
	}
}
