// Package server runs a Kubernetes control plane without controllers: etcd and a kube-apiserver on it, both children
// of this process, which they do not outlive. They listen on loopback (kube-apiserver) and on sockets in their
// directory (etcd) only. A start takes about three seconds.
//
// Not promised: that data survives a crash of the machine (etcd does not sync), or anything that a controller would do.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	certutil "k8s.io/client-go/util/cert"

	"github.com/alert-history/refresh-sidecar/test/internal/child"
)

const (
	// startTimeout is generous: a start competes with compilers and with other tests for few cores.
	startTimeout  = 2 * time.Minute
	readyInterval = 50 * time.Millisecond
)

var errNotRunning = errors.New("the API server is not running")

// Config says what to run and where.
type Config struct {
	Dir       string   // empty directory, for data, certificates and logs; its owner removes it after Close
	Etcd      string   // path of the program
	APIServer string   // path of the program
	Flags     []string // of the API server, besides those that it always has
}

// host is the loopback address that the API server listens at.
func (c Config) host() string {
	for _, flag := range c.Flags {
		if host, ok := strings.CutPrefix(flag, "--bind-address="); ok {
			return host
		}
	}
	return "127.0.0.1"
}

// Server is a running control plane. Its methods must not be called concurrently.
type Server struct {
	config    Config
	access    Access
	port      *reservation
	etcd      *child.Child
	apiServer *child.Child
}

// Start starts etcd and kube-apiserver and returns when the API server is ready. On failure the error has the end of
// the log of the program to blame.
func Start(ctx context.Context, config Config) (*Server, error) {
	host := config.host()
	port, err := reservePort(host)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, access: newAccess(net.JoinHostPort(host, strconv.Itoa(port.number))), port: port}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := writeCredentials(s.config.Dir, s.access); err != nil {
		return err
	}
	if err := s.StartEtcd(); err != nil {
		return err
	}
	return s.StartAPIServer(ctx) // which waits for etcd by itself
}

// StartEtcd starts etcd, for the first time or again with the same data, and does not wait for it.
func (s *Server) StartEtcd() error {
	etcd, err := s.run(s.config.Etcd, etcdArgs()...)
	if err != nil {
		return err
	}
	s.etcd = etcd
	return nil
}

// StopEtcd kills etcd, as a crash would. The API server lives on and goes on trying to reach it.
func (s *Server) StopEtcd() error {
	if s.etcd == nil {
		return nil
	}
	etcd := s.etcd
	s.etcd = nil
	return etcd.Kill()
}

// EndEtcd stops etcd by SIGTERM, upon which it writes into its database what is in its log alone until then. It may be stopped already.
func (s *Server) EndEtcd() error {
	if s.etcd == nil {
		return nil
	}
	etcd := s.etcd
	s.etcd = nil
	if err := etcd.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-etcd.Done()
	return nil
}

// Data is the directory of etcd's data.
func (s *Server) Data() string { return filepath.Join(s.config.Dir, dataDir) }

// Access is how to reach the API server; it is the same after a restart.
func (s *Server) Access() Access {
	return s.access
}

// PIDs are the ids of the running processes, by name of the program.
func (s *Server) PIDs() map[string]int {
	pids := map[string]int{}
	if s.etcd != nil {
		pids["etcd"] = s.etcd.PID()
	}
	if s.apiServer != nil {
		pids["kube-apiserver"] = s.apiServer.PID()
	}
	return pids
}

// StartAPIServer starts the API server again, on the same port, with the same certificate and data, and returns when
// it is ready.
func (s *Server) StartAPIServer(ctx context.Context) error {
	if s.apiServer != nil {
		return errors.New("the API server runs already")
	}
	apiServer, err := s.run(s.config.APIServer, append(apiServerArgs(s.port.number), s.config.Flags...)...)
	if err != nil {
		return err
	}
	s.apiServer = apiServer
	return s.awaitReady(ctx)
}

// StopAPIServer kills the API server, paused or not, as a crash would. The kernel resets its connections; its port
// stays reserved and refuses new ones.
func (s *Server) StopAPIServer() error {
	if s.apiServer == nil {
		return nil
	}
	apiServer := s.apiServer
	s.apiServer = nil
	return apiServer.Kill()
}

// Certificate is one for the API server, from an authority of its own.
type Certificate struct {
	Chain []byte // PEM, with the authority's certificate
	Key   []byte // PEM
}

// NewCertificate makes a certificate.
func (s *Server) NewCertificate() (Certificate, error) {
	chain, key, err := certutil.GenerateSelfSignedCertKey(s.config.host(), nil, nil)
	if err != nil {
		return Certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	return Certificate{chain, key}, nil
}

// ReplaceCertificate has the next start of the API server use another certificate.
func (s *Server) ReplaceCertificate(c Certificate) error {
	base := filepath.Join(s.config.Dir, certDir, "apiserver")
	return errors.Join(os.WriteFile(base+".crt", c.Chain, 0o600), os.WriteFile(base+".key", c.Key, 0o600))
}

// PauseAPIServer stops every thread of the API server. Connections stay open and new ones are accepted by the kernel,
// but nothing is answered.
func (s *Server) PauseAPIServer() error {
	if s.apiServer == nil {
		return errNotRunning
	}
	return s.apiServer.Pause()
}

// ResumeAPIServer ends a pause.
func (s *Server) ResumeAPIServer() error {
	if s.apiServer == nil {
		return errNotRunning
	}
	return s.apiServer.Signal(syscall.SIGCONT)
}

// Err is not nil when one of the two programs has ended by itself.
func (s *Server) Err() error {
	for _, c := range []*child.Child{s.etcd, s.apiServer} {
		if c == nil {
			continue
		}
		select {
		case <-c.Done():
			return c.Explain(errors.New("ended by itself"))
		default:
		}
	}
	return nil
}

// Close kills both programs and gives the port back.
func (s *Server) Close() error {
	return errors.Join(s.StopAPIServer(), s.StopEtcd(), s.port.close())
}

func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		err := s.tryReady(ctx)
		if err == nil {
			return nil
		}
		if ended := s.Err(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return s.apiServer.Explain(fmt.Errorf("waiting for the API server (%w): %w", err, context.Cause(ctx)))
		case <-tick.C:
		}
	}
}

// tryReady reads the certificate anew each time: a first start writes it on its way.
func (s *Server) tryReady(ctx context.Context) error {
	ca, err := os.ReadFile(filepath.Join(s.config.Dir, certDir, "apiserver.crt"))
	if err != nil {
		return fmt.Errorf("reading the API server's certificate: %w", err)
	}
	s.access.CA = ca
	return s.access.Ready(ctx)
}

func (s *Server) run(path string, args ...string) (*child.Child, error) {
	return child.Start(child.Spec{Path: path, Args: args, Dir: s.config.Dir, Log: filepath.Join(s.config.Dir, filepath.Base(path)+".log")})
}
