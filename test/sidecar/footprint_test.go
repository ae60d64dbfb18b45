package sidecar_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// BenchmarkFootprint measures the binary that is shipped, against a real API server: its size, the memory of the idle process after
// some refreshes, and the time from its start to the first snapshot.
func BenchmarkFootprint(b *testing.B) {
	binary := sidecar.ReleaseBinary(b)
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	plane := controlplane.StartPrivate(b).Plane // which takes its Secrets with it
	for _, count := range []int{20, 1000, 10000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			namespace := plane.Namespace(b)
			user := plane.User(b)
			plane.Grant(b, user, namespace, "list", "watch")
			sidecar.CreateSecrets(b, plane, namespace, count)
			kubeconfig := plane.WriteKubeconfig(b, user, namespace)
			var first time.Duration
			var p *sidecar.Process
			for b.Loop() {
				begun := time.Now()
				p = sidecar.StartBinary(b, binary, filepath.Join(sidecar.InMemory(b), "targets.json"), "--kubeconfig", kubeconfig, "--rate-limit", "0")
				p.Until("publishes", func() error { return ready(p) })
				first += time.Since(begun)
				for range 5 {
					p.Refresh()
					p.Do(http.MethodGet, "/metrics")
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms-to-snapshot")
			b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
			for unit, megabytes := range idleMemory(b, p) {
				b.ReportMetric(megabytes, unit)
			}
		})
	}
}

// idleMemory returns the medians of three seconds without a refresh, in MB by unit: what the last one took is given back meanwhile.
func idleMemory(b *testing.B, p *sidecar.Process) map[string]float64 {
	b.Helper()
	const samples = 15
	megabytes := map[string][]float64{}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range samples {
		<-tick.C
		for field, unit := range map[string]string{"VmRSS": "MB-RSS", "RssAnon": "MB-anonymous", "VmHWM": "MB-RSS-peak"} {
			megabytes[unit] = append(megabytes[unit], sidecar.Memory(b, p.PID(), field))
		}
	}
	medians := map[string]float64{}
	for unit, values := range megabytes {
		slices.Sort(values)
		medians[unit] = values[samples/2]
	}
	return medians
}
