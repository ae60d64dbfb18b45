package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// httpGrace is what requests in flight get to end after refreshing has stopped.
const httpGrace = 3 * time.Second

// run works until ctx ends, or until --once is done.
func (s *sidecar) run(ctx context.Context) error {
	defer s.source.close()
	start := s.log.Info().Str("version", buildVersion()).Str("snapshot_path", s.flags.SnapshotPath).Str("source", s.source.String())
	if s.flags.Once.value {
		start.Msg("publishing one snapshot")
		return s.once(ctx)
	}
	start.Str("listen_address", s.server.Addr().String()).Msg("started")
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
		_ = s.manager.Stop(s.flags.ShutdownTimeout.value)
		return errors.New("stopped before a snapshot was published")
	}
	if status := s.manager.GetStatus(); status.State != targetsync.StateSuccess {
		return fmt.Errorf("no snapshot was published: %s", status.Error)
	}
	return nil
}

func (s *sidecar) serve(ctx context.Context) error {
	if err := s.manager.Start(); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.server.Serve() }()
	var fault error
	select {
	case fault = <-served:
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.Info().Msg("shutting down")
	if err := s.manager.Stop(s.flags.ShutdownTimeout.value); err != nil {
		s.log.Warn().Err(err).Msg("the last snapshot stays in place")
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpGrace)
	defer cancel()
	if err := s.server.Shutdown(grace); err != nil {
		s.log.Warn().Err(err).Msg("requests were cut off")
	}
	if fault == nil {
		<-served
	}
	s.log.Info().Msg("stopped")
	return fault
}
