package controlplane

import (
	"fmt"
	"path/filepath"
	"testing"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
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
	select {
	case user := <-p.users:
		t.Cleanup(func() { p.users <- user })
		return user
	default:
		t.Fatalf("controlplane: other tests have all %d users; run fewer in parallel", cap(p.users))
		return User{}
	}
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

// client returns a client whose connections are closed when t ends.
func client(t testing.TB, config *rest.Config) kubernetes.Interface {
	t.Helper()
	c, disconnect, err := newClient(config)
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	t.Cleanup(disconnect)
	return c
}

// newClient returns a client, and what closes its idle connections, with their goroutines.
func newClient(config *rest.Config) (_ kubernetes.Interface, disconnect func(), err error) {
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client: %w", err)
	}
	c, err := kubernetes.NewForConfigAndClient(config, http)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client: %w", err)
	}
	return c, func() { utilnet.CloseIdleConnectionsFor(http.Transport) }, nil
}
