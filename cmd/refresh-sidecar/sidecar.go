package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// sidecar is the wired program.
type sidecar struct {
	flags    *runFlags
	given    map[string]string // by flag: the variable that its value comes from
	stray    []strayVariable
	log      zerolog.Logger
	source   source
	writer   *writer.Writer
	registry *prometheus.Registry
	manager  *targetsync.DefaultRefreshManager
	servers  []server // empty with --once
	closers  []func() // close connections when the program ends
}

// newSidecar builds the parts in the order in which they depend on each other. It reads the snapshot that an earlier process left,
// and it listens, but nothing runs yet.
func newSidecar(read *invocation, env environment, log zerolog.Logger) (*sidecar, error) {
	flags := &read.Run
	source, err := newSource(flags, log)
	if err != nil {
		return nil, err
	}
	s := &sidecar{flags: flags, given: read.variables, stray: read.stray, log: log, source: source, closers: []func(){source.close},
		writer:   writer.New(flags.SnapshotPath, flags.SnapshotMode.value),
		registry: newRegistry(),
	}
	if err := s.prepareDirectory(); err != nil {
		return nil, err
	}
	last, size := s.readSnapshot()
	s.manager, err = targetsync.New(s.managerConfig(last, size))
	if err != nil {
		return nil, err
	}
	if flags.Once.value {
		return s, nil
	}
	return s, s.listen(instance(env.getenv))
}

// prepareDirectory sweeps what killed processes left and probes whether the snapshot can be written. A directory that cannot be written
// is fatal for --once only: otherwise somebody may mend it while the sidecar goes on trying.
func (s *sidecar) prepareDirectory() error {
	if swept, err := s.writer.Sweep(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn().Err(err).Msg("sweeping left-over files failed, going on")
	} else if swept > 0 {
		s.log.Info().Int("files", swept).Msg("swept what a killed process left")
	}
	err := s.writer.Probe()
	if err == nil || s.flags.Once.value {
		return err
	}
	s.log.Error().Err(err).Msg("the snapshot cannot be written, going on to try")
	return nil
}

// readSnapshot returns the snapshot that is in place and its size, or nil if there is no usable one.
func (s *sidecar) readSnapshot() (*targetsfile.Document, int64) {
	document, size, err := s.writer.Read()
	if err == nil {
		return document, size
	}
	if fault, ok := errors.AsType[*targetsfile.LoadError](err); !ok || fault.Reason != targetsfile.ReasonMissing {
		s.log.Warn().Err(err).Msg("the snapshot in place is not usable, starting a new epoch; it stays until the first publication")
	}
	return nil, 0
}

func (s *sidecar) managerConfig(last *targetsfile.Document, size int64) targetsync.Config {
	f := s.flags
	config := targetsync.Config{
		Source: s.source.secrets, Publisher: s.writer,
		Namespaces: s.source.namespaces, Origin: s.source.origin,
		Last: last, LastBytes: size,
		Interval: f.RefreshInterval.value, Timeout: f.RefreshTimeout.value,
		RetryBackoff: f.RetryBackoff.value, StartupBackoff: f.StartupBackoff.value,
		MaxRetries: f.MaxRetries.value, Jitter: f.Jitter.value, RateLimit: f.RateLimit.value,
		MinTargets: f.MinTargets.value, NoWatch: !f.Watch.value, DropInvalid: f.OnInvalid == "drop",
		AfterRefresh: debug.FreeOSMemory, // returns the memory that the LIST took
		Logger:       s.log, Registerer: s.registry,
	}
	if f.Once.value {
		config.Attempts = 1 + f.MaxRetries.value
	}
	return config
}

func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "refresh_sidecar_build_info", Help: "1, with the version of the program.",
		ConstLabels: prometheus.Labels{"version": buildVersion()},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// instance is the pod's name, or the host's, which can be empty: a gVisor sandbox without a hostname in its specification has none.
func instance(getenv func(string) string) string {
	host, _ := os.Hostname()
	return cmp.Or(getenv("POD_NAME"), host, "unknown")
}
