package controlplane

import (
	"errors"
	"path/filepath"
	"testing"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/flock"
)

// User is somebody whom the API server knows. Name is what RBAC calls them, Token is their bearer token.
type User struct {
	Name  string
	Token string
}

// User returns a user with no rights, whom no other test has until t ends: rights that a test grants, also those in
// the whole cluster, cannot surprise another test.
func (p *Plane) User(t testing.TB) User {
	t.Helper()
	for _, user := range p.access.Users {
		lock, err := flock.Try(filepath.Join(p.dir, user.Name+".lock"), flock.Exclusive)
		if errors.Is(err, flock.ErrHeld) {
			continue
		}
		if err != nil {
			t.Fatalf("controlplane: taking %s: %v", user.Name, err)
		}
		t.Cleanup(func() {
			if err := lock.Unlock(); err != nil {
				t.Errorf("controlplane: giving %s back: %v", user.Name, err)
			}
		})
		return User(user)
	}
	t.Fatalf("controlplane: other tests have all %d users; run fewer in parallel", len(p.access.Users))
	return User{}
}

// Config is for a client that acts as the user, without a limit of its own on requests per second.
func (p *Plane) Config(user User) *rest.Config {
	return &rest.Config{
		Host:            p.access.URL,
		BearerToken:     user.Token,
		TLSClientConfig: rest.TLSClientConfig{CAData: p.access.CA},
		QPS:             -1,
	}
}

// AdminUser is the administrator, for WriteKubeconfig.
func (p *Plane) AdminUser() User {
	return User(p.access.Admin)
}

// WriteKubeconfig writes a kubeconfig for the user, with that namespace as its default, and returns its path. The file
// goes with t.
func (p *Plane) WriteKubeconfig(t testing.TB, user User, namespace string) string {
	t.Helper()
	const name = "test"
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: p.access.URL, CertificateAuthorityData: p.access.CA}
	config.AuthInfos[name] = &api.AuthInfo{Token: user.Token}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	config.CurrentContext = name
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatalf("controlplane: writing a kubeconfig: %v", err)
	}
	return path
}

// client returns a client whose idle connections, and their goroutines, are gone after t.
func client(t testing.TB, config *rest.Config) kubernetes.Interface {
	t.Helper()
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatalf("controlplane: making a client: %v", err)
	}
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(http.Transport) })
	c, err := kubernetes.NewForConfigAndClient(config, http)
	if err != nil {
		t.Fatalf("controlplane: making a client: %v", err)
	}
	return c
}
