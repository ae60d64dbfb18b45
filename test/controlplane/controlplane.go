// Package controlplane gives tests a real kube-apiserver on a real etcd, with RBAC and users, on loopback.
//
// [Get] returns the control plane that the tests of a package share: the first one starts it (three seconds), and TestMain, which has
// to call [Main], stops it. Tests keep out of each other's way by a namespace ([Plane.Namespace]) and users ([Plane.User]) of their
// own. [StartPrivate] starts one for a single test, which may stop, pause and restart its API server. No process is left when the
// tests end, not even when they panic, time out or are killed.
//
//	func TestMain(m *testing.M) { controlplane.Main(m) }
//
//	plane := controlplane.Get(t)
//	namespace, user := plane.Namespace(t), plane.User(t)
//	plane.Grant(t, user, namespace, "list", "watch")
//	kubeconfig := plane.WriteKubeconfig(t, user, namespace)
//
// The programs are built when they are missing, see package binaries; a first time takes minutes. Under `go test -short`
// such tests are skipped. The environment variable KUBERNETES_VERSION, such as 1.29.15, has another kube-apiserver than the newest.
//
// Not promised: anything that takes a controller or a node. Pods are never run, service accounts have no tokens but
// those one asks for, nothing is garbage collected. And tests that panic or are killed leave the directory of etcd's data among the
// temporary ones.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
)

// versionVariable is the environment variable that names the version of kube-apiserver. A test process runs one version.
const versionVariable = "KUBERNETES_VERSION"

// Plane is a running control plane. Its methods may be called concurrently.
type Plane struct {
	server *server.Server
	dir    string // the directory of data and logs
	access server.Access
	users  chan User // those whom no test has
	admin  kubernetes.Interface
	// disconnect closes the connections of admin.
	disconnect func()
	// disposable is set for a plane that ends with the test: what the test made in it needs no cleaning up, and its
	// API server may not be there to do it.
	disposable bool
}

// shared is the control plane of the package under test. It is a variable because the testing package hands nothing from TestMain to a
// test.
var shared struct {
	sync.Mutex
	hasMain bool // whether Main runs, which stops it
	plane   *Plane
	err     error // why it could not be started
}

// Main runs the tests of a package, stops the control plane that they share, and exits, with 1 if a goroutine is left.
func Main(m *testing.M, options ...goleak.Option) {
	shared.hasMain = true
	goleak.VerifyTestMain(tests{m}, options...)
}

// tests are those of a package, and the end of their control plane.
type tests struct{ *testing.M }

// Run runs the tests and returns the exit code.
func (t tests) Run() int {
	code := t.M.Run()
	if shared.plane == nil {
		return code
	}
	if err := errors.Join(shared.plane.stop(), os.RemoveAll(shared.plane.dir)); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		code = max(code, 1)
	}
	return code
}

// Get returns the control plane that the tests of the package share, ready. It skips the test under -short and fails it if there is no
// control plane to be had.
func Get(t testing.TB) *Plane {
	t.Helper()
	ctx := prepare(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.hasMain {
		t.Fatal("controlplane: the package's TestMain has to call controlplane.Main, which stops what Get starts")
	}
	if shared.plane == nil && shared.err == nil {
		shared.plane, shared.err = startShared(ctx)
	}
	if shared.err != nil {
		t.Fatalf("controlplane: %v", shared.err)
	}
	return shared.plane
}

func startShared(ctx context.Context) (*Plane, error) {
	dir, err := os.MkdirTemp("", "controlplane-")
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, dir, nil)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

// start starts a control plane in an empty directory, the API server with these flags besides its usual ones.
func start(ctx context.Context, dir string, flags []string) (*Plane, error) {
	cache := binaries.Cache{Kubernetes: os.Getenv(versionVariable)}
	etcd, err := cache.Path(ctx, binaries.Etcd)
	if err != nil {
		return nil, err
	}
	apiServer, err := cache.Path(ctx, binaries.APIServer)
	if err != nil {
		return nil, err
	}
	running, err := server.Start(ctx, server.Config{Dir: dir, Etcd: etcd, APIServer: apiServer, Flags: flags})
	if err != nil {
		return nil, err
	}
	access := running.Access()
	p := &Plane{server: running, dir: dir, access: access, users: make(chan User, len(access.Users))}
	for _, user := range access.Users {
		p.users <- User(user)
	}
	if p.admin, p.disconnect, err = newClient(p.AdminConfig()); err != nil {
		return nil, errors.Join(err, running.Close())
	}
	return p, nil
}

// stop ends the processes. The error says, too, if one of them had ended before.
func (p *Plane) stop() error {
	err := errors.Join(p.server.Err(), p.server.Close())
	p.disconnect()
	return err
}

// PIDs are the ids of the running processes, by name of the program: etcd and kube-apiserver.
func (p *Plane) PIDs() map[string]int {
	return p.server.PIDs()
}

// prepare returns the context in which to build programs and to start a control plane.
func prepare(t testing.TB) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("controlplane: this test needs real programs, which are built once in minutes; run it without -short")
	}
	return beforeTimeout(t)
}

var errTimeout = errors.New("the tests' -timeout is near; if programs have to be built first, run " +
	"`go run ./controlplane/cmd/build` in test/, which goes on where this stopped")

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
