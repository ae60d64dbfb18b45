package main

import (
	"context"
	"errors"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// httpGrace is what requests in flight get to end after refreshing has stopped.
const httpGrace = 3 * time.Second

// server is one listener and what answers on it.
type server struct {
	name string // of the flag that gave its address
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
		s.open("probe_address", api.ServerConfig{Address: s.flags.ProbeAddress, Handler: probes}),
		s.open("pprof_address", api.ServerConfig{Address: s.flags.PprofAddress, Handler: api.NewProfiling()}),
	)
	if err != nil {
		s.shutdown(context.Background())
	}
	return err
}

// open opens one listener. No address means that it is not wanted.
func (s *sidecar) open(name string, config api.ServerConfig) error {
	if config.Address == "" {
		return nil
	}
	config.Logger = s.log
	opened, err := api.NewServer(config)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, server{name, opened})
	return nil
}

// shutdown closes all listeners and waits for requests in flight, but not for long.
func (s *sidecar) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpGrace)
	defer cancel()
	for _, server := range s.servers {
		if err := server.Shutdown(ctx); err != nil {
			s.log.Warn().Err(err).Str("listener", server.name).Msg("requests were cut off")
		}
	}
}
