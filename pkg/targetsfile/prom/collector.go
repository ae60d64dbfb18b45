// Package prom exports a target reader's metrics to Prometheus.
//
// They tell what the app has applied of what the sidecar published: an alert compares targetsfile_generation with the sidecar's
// publishing_snapshot_generation. The app registers the collector where its other metrics are; nothing is registered by importing this
// package.
package prom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// The names of the metrics.
const (
	Generation         = "targetsfile_generation"
	Targets            = "targetsfile_targets"
	RefreshedTimestamp = "targetsfile_refreshed_timestamp_seconds"
	LoadsTotal         = "targetsfile_loads_total"
	Watching           = "targetsfile_watching"
)

type collector struct {
	reader                                                 *targetsfile.Reader
	generation, targets, refreshedAt, loadsTotal, watching *prometheus.Desc
}

// NewCollector returns a collector of r's metrics, all of them of one moment. Before the first snapshot there are loads_total and
// watching only: a generation of 0 would look like one that the sidecar never published.
func NewCollector(r *targetsfile.Reader) prometheus.Collector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		reader:      r,
		generation:  describe(Generation, "Generation of the target snapshot that the app answers from."),
		targets:     describe(Targets, "Targets in the snapshot that the app answers from."),
		refreshedAt: describe(RefreshedTimestamp, "When the sidecar last saw all Secrets of that snapshot, in seconds since 1970."),
		loadsTotal:  describe(LoadsTotal, "Times the snapshot file was read, by result: accepted or refused.", "result"),
		watching:    describe(Watching, "1 if file system events announce changes, 0 if they are found by polling alone."),
	}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.generation, c.targets, c.refreshedAt, c.loadsTotal, c.watching} {
		descs <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	status := c.reader.Status()
	if s := status.Snapshot; s != nil {
		gauge(c.generation, float64(s.Generation()))
		gauge(c.targets, float64(s.Len()))
		gauge(c.refreshedAt, seconds(s.RefreshedAt()))
	}
	metrics <- prometheus.MustNewConstMetric(c.loadsTotal, prometheus.CounterValue, float64(status.Loads), "accepted")
	metrics <- prometheus.MustNewConstMetric(c.loadsTotal, prometheus.CounterValue, float64(status.Rejects), "refused")
	watching := 0.0
	if status.Watching {
		watching = 1
	}
	gauge(c.watching, watching)
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
