package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// httpGrace is the time that requests in flight get to end in after refreshing has stopped.
const httpGrace = 3 * time.Second

// sideConnections is how many connections each listener but the main one keeps.
const sideConnections = 64

// server is one listener and the HTTP server that answers there.
type server struct {
	name string // the flag that gave its address, as log lines spell it
	*api.Server
}

// listen opens all listeners, so that an address in use is a fault at start. After a fault none stays open.
func (s *sidecar) listen(instance string) error {
	authorizer, err := s.newAuthorizer()
	if err != nil {
		return err
	}
	handler, err := api.New(api.Config{
		Engine: s.manager, SnapshotPath: s.flags.SnapshotPath, Authorizer: authorizer,
		Gatherer: s.registry, Registerer: s.registry, Instance: instance, Logger: s.log,
	})
	if err != nil {
		return err
	}
	probes, err := api.NewProbes(s.manager, instance, s.log)
	if err != nil {
		return err
	}
	err = errors.Join(
		s.open("listen_address", api.ServerConfig{Address: s.flags.ListenAddress, Handler: handler, WebConfigFile: s.flags.WebConfigFile}),
		s.open("probe_address", api.ServerConfig{Address: s.flags.ProbeAddress, Handler: probes, MaxConnections: sideConnections}),
		s.open("pprof_address", api.ServerConfig{Address: s.flags.PprofAddress, Handler: api.NewProfiling(), MaxConnections: sideConnections}),
	)
	if err != nil {
		s.shutdown(context.Background())
	}
	return err
}

// open opens one listener, unless it has no address.
func (s *sidecar) open(name string, config api.ServerConfig) error {
	if config.Address == "" {
		return nil
	}
	config.Logger = s.log
	opened, err := api.NewServer(config)
	if err != nil {
		flag := "--" + strings.ReplaceAll(name, "_", "-")
		return fmt.Errorf("%s: %w%s", givenBy(flag, s.given), err, listenHint(err, flag))
	}
	s.servers = append(s.servers, server{name, opened})
	return nil
}

// listenHint says what to do about an address that cannot be listened on, "" if nothing better is known than the error.
func listenHint(err error, flag string) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("; another process has this port, or another flag of this one: end that process, or choose another port with %s", flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("; ports below 1024 take a privilege: choose a higher one with %s", flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("; this machine has no such address: leave the host out of %s to listen on all that it has", flag)
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("; leave the host out of %s to listen on all addresses", flag)
	}
	return ""
}

// run works until ctx ends, or until --once is done.
func (s *sidecar) run(ctx context.Context) error {
	defer func() {
		for _, closer := range s.closers {
			closer()
		}
	}()

	s.warnOfRisks()
	s.warnOfStrayVariables()
	start := s.log.Info().Str("version", buildVersion()).Str("snapshot_path", s.flags.SnapshotPath).Str("source", s.source.String())
	if s.flags.Once.value {
		start.Msg("publishing one snapshot")
		return s.once(ctx)
	}
	for _, server := range s.servers {
		start.Str(server.name, server.Addr().String())
	}
	start.Msg("started")
	return s.serve(ctx)
}

// once waits for one success, or for the attempts to be used up.
func (s *sidecar) once(ctx context.Context) error {
	if err := s.manager.Start(); err != nil {
		return err
	}
	select {
	case <-s.manager.Done():
	case <-ctx.Done():
		_ = s.manager.Stop(s.flags.ShutdownTimeout.value) // a running refresh may still succeed
	}
	if status := s.manager.GetStatus(); status.State != targetsync.StateSuccess {
		if ctx.Err() != nil {
			return errors.New("stopped before a snapshot was published")
		}
		return fmt.Errorf("no snapshot was published: %s", status.Error)
	}
	return nil
}

// serve refreshes and answers until ctx ends or a listener fails. At the end refreshing stops first, while the listeners answer that the
// sidecar is shutting down; then the listeners close.
func (s *sidecar) serve(ctx context.Context) error {
	if err := s.manager.Start(); err != nil {
		return err
	}
	served := make(chan error, len(s.servers))
	for _, server := range s.servers {
		go func() { served <- server.Serve() }()
	}
	ended := 0
	var fault error
	select {
	case fault = <-served:
		ended++
	case <-ctx.Done():
	}
	s.log.Info().Msg("shutting down")
	if err := s.manager.Stop(s.flags.ShutdownTimeout.value); err != nil {
		s.log.Warn().Err(err).Msg("the last snapshot stays in place")
	}
	s.shutdown(ctx)
	for ; ended < len(s.servers); ended++ {
		fault = errors.Join(fault, <-served)
	}
	s.log.Info().Msg("stopped")
	return fault
}

// shutdown closes all listeners and waits for requests in flight, up to httpGrace.
func (s *sidecar) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpGrace)
	defer cancel()
	for _, server := range s.servers {
		if err := server.Shutdown(ctx); err != nil {
			s.log.Warn().Err(err).Str("listener", server.name).Msg("requests were cut off")
		}
	}
}
