// Package controlplane gives tests a real kube-apiserver on a real etcd, with RBAC and users, on loopback.
//
// [Get] returns the control plane that all test processes of this user share: the first one starts it (three
// seconds), it outlives the last one for ten seconds, so that the packages of one `go test ./...` find it warm, and
// nothing is left after that, not even when tests panic, time out or are killed. Tests keep out of each other's way by
// a namespace ([Plane.Namespace]) and users ([Plane.User]) of their own. [StartPrivate] starts one for a single test,
// which may stop, pause and restart its API server.
//
//	plane := controlplane.Get(t)
//	namespace, user := plane.Namespace(t), plane.User(t)
//	plane.Grant(t, user, namespace, "list", "watch")
//	kubeconfig := plane.WriteKubeconfig(t, user, namespace)
//
// The programs are built when they are missing, see package binaries; a first time takes minutes. Under `go test -short`
// such tests are skipped.
//
// Not promised: anything that takes a controller or a node. Pods are never run, service accounts have no tokens but
// those one asks for, nothing is garbage collected. And who can read the user's cache directory can read the
// administrator's token.
package controlplane

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/shared"
)

// Plane is a running control plane. Its methods may be called concurrently.
type Plane struct {
	access server.Access
	dir    string
	admin  kubernetes.Interface
	// disposable is set for a plane that ends with the test: what the test made in it needs no cleaning up, and its
	// API server may not be there to do it.
	disposable bool
}

// Get returns the shared control plane, ready, for as long as the test runs. It skips the test under -short and fails
// it if there is no control plane to be had.
func Get(t testing.TB) *Plane {
	t.Helper()
	ctx, etcd, apiServer := prepare(t)
	lease, err := shared.Acquire(ctx, shared.Config{Etcd: etcd, APIServer: apiServer})
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	t.Cleanup(func() {
		if err := lease.Release(); err != nil {
			t.Errorf("controlplane: releasing the lease: %v", err)
		}
	})
	p := &Plane{access: lease.State.Access, dir: lease.State.Dir}
	p.admin = client(t, p.AdminConfig())
	return p
}

// prepare returns the paths of the programs and the context in which to start them.
func prepare(t testing.TB) (_ context.Context, etcd, apiServer string) {
	t.Helper()
	if testing.Short() {
		t.Skip("controlplane: this test needs a real API server; run it without -short")
	}
	ctx := beforeTimeout(t)
	etcd, err := binaries.Cache{}.Path(ctx, binaries.Etcd)
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	apiServer, err = binaries.Cache{}.Path(ctx, binaries.APIServer)
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	return ctx, etcd, apiServer
}

var errTimeout = errors.New("the tests' -timeout is near; if programs have to be built first, run " +
	"`go run ./controlplane/cmd/controlplane build` in test/, which goes on where this stopped")

// beforeTimeout is the test's context, but ends a little before the tests' -timeout, whose panic would explain nothing.
func beforeTimeout(t testing.TB) context.Context {
	limited, ok := t.(interface{ Deadline() (time.Time, bool) }) // a T is, a B is not
	if !ok {
		return t.Context()
	}
	deadline, ok := limited.Deadline()
	if !ok {
		return t.Context()
	}
	ctx, cancel := context.WithDeadlineCause(t.Context(), deadline.Add(-10*time.Second), errTimeout)
	t.Cleanup(cancel)
	return ctx
}

// AdminConfig is for a client that may do everything, without a limit of its own on requests per second.
func (p *Plane) AdminConfig() *rest.Config {
	return p.Config(User(p.access.Admin))
}

// Admin is a client that may do everything.
func (p *Plane) Admin() kubernetes.Interface {
	return p.admin
}
