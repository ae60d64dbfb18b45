package main

import (
	"context"
	"errors"
	"fmt"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// run works until ctx ends, or until --once is done.
func (s *sidecar) run(ctx context.Context) error {
	defer func() {
		for _, closer := range s.closers {
			closer()
		}
	}()
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
		_ = s.manager.Stop(s.flags.ShutdownTimeout.value) // what runs may still succeed
	}
	if status := s.manager.GetStatus(); status.State != targetsync.StateSuccess {
		if ctx.Err() != nil {
			return errors.New("stopped before a snapshot was published")
		}
		return fmt.Errorf("no snapshot was published: %s", status.Error)
	}
	return nil
}

// serve refreshes and answers until ctx ends or a listener fails. At the end refreshing stops first, while the listeners answer that it
// does, and then they close.
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
