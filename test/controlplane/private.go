package controlplane

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
)

// Private is a control plane of one test, whose API server it may stop. Unlike those of the Plane, the methods that do
// so must not be called concurrently with each other; they may be called from any goroutine.
type Private struct {
	*Plane
}

// StartPrivate starts a control plane that ends with t, or with the test's process, however that ends. Its API server has these flags
// besides the usual ones. It skips the test under -short.
func StartPrivate(t testing.TB, flags ...string) *Private {
	t.Helper()
	p, err := start(prepare(t), t.TempDir(), flags)
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	p.disposable = true
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("controlplane: %v", err)
		}
	})
	return &Private{p}
}

// StartIPv6 is StartPrivate with an API server that listens on the loopback address of IPv6 alone. It skips the test on a machine without one.
func StartIPv6(t testing.TB) *Private {
	t.Helper()
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	_ = listener.Close()
	return StartPrivate(t, "--bind-address=::1", "--advertise-address=::1", "--service-cluster-ip-range=fd00:10::/112")
}

// StopAPIServer kills the API server, paused or not, as a crash would: its connections end, and new ones to its port,
// which stays reserved, are refused.
func (p *Private) StopAPIServer() error {
	return p.server.StopAPIServer()
}

// StartAPIServer starts a stopped API server again, with the same data, port, certificate and users, and returns when
// it is ready.
func (p *Private) StartAPIServer(ctx context.Context) error {
	return p.server.StartAPIServer(ctx)
}

// Certificate is one for the API server, from an authority of its own.
type Certificate server.Certificate

// NewCertificate makes a certificate that the API server does not use yet.
func (p *Private) NewCertificate() (Certificate, error) {
	c, err := p.server.NewCertificate()
	return Certificate(c), err
}

// ReplaceCertificate starts the API server again with another certificate. The plane's own client trusts it from then on; a [Plane.Config]
// from before does not.
func (p *Private) ReplaceCertificate(ctx context.Context, c Certificate) error {
	if err := errors.Join(p.server.StopAPIServer(), p.server.ReplaceCertificate(server.Certificate(c)), p.server.StartAPIServer(ctx)); err != nil {
		return err
	}
	p.disconnect()
	p.access = p.server.Access()
	var err error
	p.admin, p.disconnect, err = newClient(p.AdminConfig())
	return err
}

// PauseAPIServer freezes the API server: connections stay open and new ones are accepted, but nothing is answered.
func (p *Private) PauseAPIServer() error {
	return p.server.PauseAPIServer()
}

// ResumeAPIServer ends a pause.
func (p *Private) ResumeAPIServer() error {
	return p.server.ResumeAPIServer()
}

// CompactEtcd has etcd forget every revision but the present one. A running API server still answers from what it holds in memory; one
// that is started afterwards cannot continue a watch from before.
func (p *Private) CompactEtcd(ctx context.Context) error {
	return p.server.CompactEtcd(ctx)
}

// StopEtcd kills etcd, as a crash would. The API server lives on, without its store.
func (p *Private) StopEtcd() error {
	return p.server.StopEtcd()
}

// StartEtcd starts a stopped etcd again, with the same data, and returns at once: the API server finds it by itself.
func (p *Private) StartEtcd() error {
	return p.server.StartEtcd()
}
