package prom_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/internal/leak"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

func TestMain(m *testing.M) { leak.VerifyTestMain(m) }

const always = `# HELP targetsfile_loads_total Times the snapshot file was read, by result: accepted or refused.
# TYPE targetsfile_loads_total counter
targetsfile_loads_total{result="accepted"} %d
targetsfile_loads_total{result="refused"} %d
# HELP targetsfile_watching 1 if file system events announce changes, 0 if they are found by polling alone.
# TYPE targetsfile_watching gauge
targetsfile_watching %d
`

const ready = `# HELP targetsfile_generation Generation of the target snapshot that the app answers from.
# TYPE targetsfile_generation gauge
targetsfile_generation %d
# HELP targetsfile_refreshed_timestamp_seconds When the sidecar last saw all Secrets of that snapshot, in seconds since 1970.
# TYPE targetsfile_refreshed_timestamp_seconds gauge
targetsfile_refreshed_timestamp_seconds %.3f
# HELP targetsfile_targets Targets in the snapshot that the app answers from.
# TYPE targetsfile_targets gauge
targetsfile_targets %d
`

func TestCollector(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	w := targetsfiletest.NewWriter(t, path)
	hook := targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/CANARY"}
	for _, test := range []struct {
		name string
		file func()
		opts []targetsfile.Option
		want func(s *targetsfile.Snapshot) string
	}{
		{"before the first snapshot", func() {}, nil, func(*targetsfile.Snapshot) string { return fmt.Sprintf(always, 0, 1, 1) }},
		{"with a snapshot", func() { w.Publish(); w.Publish(hook) }, nil, func(s *targetsfile.Snapshot) string {
			return fmt.Sprintf(ready+always, 2, float64(s.RefreshedAt().UnixMilli())/1000, 1, 1, 0, 1)
		}},
		{"without targets, polling", func() { w.Publish() }, []targetsfile.Option{targetsfile.WithoutWatch()}, func(s *targetsfile.Snapshot) string {
			return fmt.Sprintf(ready+always, 3, float64(s.RefreshedAt().UnixMilli())/1000, 0, 1, 0, 0)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.file()
			r, err := targetsfile.Open(t.Context(), path, test.opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			c := prom.NewCollector(r)
			if err := testutil.CollectAndCompare(c, strings.NewReader(test.want(r.Snapshot()))); err != nil {
				t.Error(err)
			}
			problems, err := testutil.CollectAndLint(c)
			if err != nil || len(problems) > 0 {
				t.Errorf("got lint problems %v and error %v, want none", problems, err)
			}
		})
	}
}

// The app's registry checks that what is collected was described, and the same names.
func TestCollectorRegisters(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(prom.NewCollector(targetsfiletest.NewReader(t))); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, family := range families {
		got = append(got, family.GetName())
	}
	want := []string{prom.Generation, prom.LoadsTotal, prom.RefreshedTimestamp, prom.Targets, prom.Watching}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}
