package scale_test

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

var (
	beforeDir = flag.String("before", "", "the programs of an earlier version, see bench.Earlier; without them BenchmarkCompareScale is skipped")
	afterDir  = flag.String("after", "", "the programs of this version")
)

// BenchmarkCompareScale measures a change's way to all files, for fleets of an earlier version and of this one in turns, on one API server.
func BenchmarkCompareScale(b *testing.B) {
	if *beforeDir == "" || *afterDir == "" {
		b.Skip("needs -before and -after")
	}
	plane := controlplane.StartPrivate(b)
	namespace, user := plane.Namespace(b), plane.User(b)
	plane.Grant(b, user, namespace, "list", "watch")
	sidecar.CreateSecrets(b, plane.Plane, namespace, secrets)
	kubeconfig := plane.WriteKubeconfig(b, user, namespace)
	programs := map[string]string{"before": *beforeDir, "after": *afterDir}
	started, changed := map[string]float64{}, map[string][]time.Duration{}
	memory, processor := map[string]float64{}, map[string]float64{}
	const turns, changes = 2, 10
	edits := 0
	for _, name := range []string{"before", "after", "after", "before"} {
		f := startFleet(b, plane, namespace, filepath.Join(programs[name], "refresh-sidecar"), "--kubeconfig", kubeconfig)
		f.edits = edits // no edit is made twice
		started[name] += f.started.Seconds() / turns
		<-time.After(settling)
		memory[name] += f.anonymous() / turns
		before := f.load()
		changed[name] = append(changed[name], f.changes(changes)...)
		processor[name] += (f.load().sidecars - before.sidecars) * 1000 / changes / turns
		edits = f.edits
		f.end()
	}
	for name := range programs {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(*count), "sidecars")
			b.ReportMetric(secrets, "secrets")
			b.ReportMetric(started[name], "s-to-publish")
			b.ReportMetric(memory[name], "MB-sidecar")
			b.ReportMetric(processor[name], "ms-processor")
			report(b, changed[name], "ms-change")
		})
	}
}
