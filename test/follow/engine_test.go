package follow_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	selector = "publishing-target=true"
	// patience bounds waiting for real servers. It is only used up when something is broken.
	patience = 45 * time.Second
)

// setup is what a test may change before an engine starts.
type setup struct {
	server kube.Config
	targetsync.Config
	keeps     []string // targets that no snapshot may lack, once one had them
	unchecked bool     // snapshots are not read all the time
	dir       string   // of the snapshot
}

// path is where the snapshot is.
func (s *setup) path() string { return filepath.Join(s.dir, "targets.json") }

// newSetup has an interval of an hour, so that only watches, and refreshes that they ask for, bring news.
func newSetup(t testing.TB, namespace string) *setup {
	return &setup{dir: t.TempDir(), Config: targetsync.Config{
		Namespaces: []string{namespace}, Interval: time.Hour, Timeout: 10 * time.Second, MaxRetries: 5,
		RetryBackoff: []time.Duration{time.Second}, StartupBackoff: []time.Duration{time.Second},
	}}
}

// engine is what the program wires, in this process.
type engine struct {
	t        testing.TB
	manager  *targetsync.DefaultRefreshManager
	registry *prometheus.Registry
	requests requests // what it has asked the API server
	warnings warnings
	path     string
}

// follow starts an engine and returns when its first snapshot is in place and its watches are open. From the start on every snapshot is
// checked.
func (w *world) follow(changes ...func(*setup)) *engine {
	w.t.Helper()
	e := w.start(changes...)
	e.untilFollowing()
	return e
}

// start is follow without waiting.
func (w *world) start(changes ...func(*setup)) *engine {
	w.t.Helper()
	s := newSetup(w.t, w.namespace)
	s.server = kube.Config{REST: ownConnections(w.t, w.plane.Config(w.user)), LabelSelector: selector}
	for _, change := range changes {
		change(s)
	}
	e := &engine{t: w.t}
	s.server.REST.Wrap(e.requests.wrap)
	source, err := kube.New(s.server)
	w.must(err)
	w.t.Cleanup(source.Close)
	s.Source = source
	e.run(s)
	return e
}

// run runs the engine until the test ends.
func (e *engine) run(s *setup) {
	e.t.Helper()
	e.path, e.registry = s.path(), prometheus.NewRegistry()
	s.Registerer, s.Logger = e.registry, zerolog.New(&e.warnings).Level(zerolog.WarnLevel)
	s.Origin = targetsfile.Source{Kind: targetsfile.SourceKubernetes, Namespaces: s.Namespaces, LabelSelector: selector}
	if s.Publisher == nil {
		s.Publisher = writer.New(e.path, 0o640)
	}
	var err error
	if e.manager, err = targetsync.New(s.Config); err == nil {
		err = e.manager.Start()
	}
	if err != nil {
		e.t.Fatal(err)
	}
	if !s.unchecked {
		e.t.Cleanup(e.check(s.keeps))
	}
	e.t.Cleanup(func() {
		if err := e.manager.Stop(10 * time.Second); err != nil {
			e.t.Errorf("stopping: %v", err)
		}
	})
}

// untilFollowing waits until the first snapshot is in place and all watches are open.
func (e *engine) untilFollowing() {
	e.t.Helper()
	e.until("follows changes", func() error {
		s := e.manager.GetStatus()
		if !s.Ready || !s.Watch.Connected {
			return errors.New(s.Error + s.Watch.Error)
		}
		return nil
	})
}

// document returns the snapshot in place.
func (e *engine) document() *targetsfile.Document {
	e.t.Helper()
	d, err := targetsfile.ReadFile(e.path)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// published describes the targets in the file, each as "name/edit", with a ' if it is kept though its Secret no longer yields it.
func (e *engine) published() []string {
	e.t.Helper()
	published := []string{}
	for _, target := range e.document().Entries {
		text := target.Name + strings.TrimPrefix(target.URL, "https://example.com")
		if !target.StaleSince.IsZero() {
			text += "'"
		}
		published = append(published, text)
	}
	return published
}

// awaits waits until exactly these targets are published.
func (e *engine) awaits(want ...string) {
	e.t.Helper()
	slices.Sort(want)
	e.until("publishes", func() error { return differ(want, e.published()) })
}

func differ(want, got any) error {
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return errors.New("(-want +got):\n" + diff)
	}
	return nil
}

// until polls a condition until it holds.
func (e *engine) until(what string, holds func() error) {
	e.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("waited %s until the engine %s: %v\nstatus: %+v\nwarnings:\n%s", patience, what, err, e.manager.GetStatus(), &e.warnings)
		}
		<-tick.C
	}
}

// untilStatus waits for a status. The engine updates it after the file, never before.
func (e *engine) untilStatus(what string, holds func(targetsync.RefreshStatus) bool) {
	e.t.Helper()
	e.until(what, func() error {
		if s := e.manager.GetStatus(); !holds(s) {
			return errors.New("the status does not say so")
		}
		return nil
	})
}

func connected(s targetsync.RefreshStatus) bool { return s.Watch.Connected }

func disconnected(s targetsync.RefreshStatus) bool { return !s.Watch.Connected }

// untilMetric waits until a metric is at least that high.
func (e *engine) untilMetric(least float64, name string, values ...string) {
	e.t.Helper()
	e.until("counts", func() error {
		if got := e.metric(name, values...); got < least {
			return fmt.Errorf("got %v of %s%q, want at least %v", got, name, values, least)
		}
		return nil
	})
}

// metric returns the sum of the series whose labels have these values.
func (e *engine) metric(name string, values ...string) (sum float64) {
	e.t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		e.t.Fatal(err)
	}
	for _, family := range families {
		for _, series := range family.GetMetric() {
			var have []string
			for _, label := range series.GetLabel() {
				have = append(have, label.GetValue())
			}
			if family.GetName() == name && slices.Equal(have, values) {
				sum += series.GetCounter().GetValue() + series.GetGauge().GetValue()
			}
		}
	}
	return sum
}
