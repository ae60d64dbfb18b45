package controlplane

import (
	"context"
	"testing"
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
