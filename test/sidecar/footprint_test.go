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

// BenchmarkFootprint measures the binary that is shipped, against a real API server: its size, the time from its start to the first
// snapshot, its anonymous memory when it is idle after some refreshes, and the most that its cgroup has counted until then.
func BenchmarkFootprint(b *testing.B) {
	binary := sidecar.ReleaseBinary(b)
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	plane := controlplane.StartPrivate(b).Plane // with the Secrets in it
	for _, count := range []int{20, 1000, 10000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			namespace := plane.Namespace(b)
			user := plane.User(b)
			plane.Grant(b, user, namespace, "list", "watch")
			sidecar.CreateSecrets(b, plane, namespace, count)
			kubeconfig := plane.WriteKubeconfig(b, user, namespace)
			start := func(binary string) *sidecar.Process {
				p := sidecar.StartBinary(b, binary, filepath.Join(sidecar.InMemory(b), "targets.json"), "--kubeconfig", kubeconfig, "--rate-limit", "0")
				p.Until("publishes", func() error { return ready(p) })
				return p
			}
			for b.Loop() {
				begun := time.Now()
				p := start(binary)
				b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-to-snapshot")
				p.Kill()
				measureMemory(b, binary, start)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
		})
	}
}

// measureMemory runs the program from disk, as on a node that has not run it before, in a cgroup of its own. Where none can be made, the
// peak is not measured.
func measureMemory(b *testing.B, binary string, start func(binary string) *sidecar.Process) {
	b.Helper()
	cgroup, cgroupErr := sidecar.NewCgroup(b)
	program := binary
	if cgroupErr == nil {
		program = cgroup.Program(b, binary)
		sidecar.Forget(b, binary)
	}
	p := start(program)
	for range 5 {
		p.Refresh()
		p.Do(http.MethodGet, "/metrics")
	}
	b.ReportMetric(idleAnonymous(b, p), "MB-anonymous")
	if cgroupErr != nil {
		b.Logf("the peak is NOT MEASURED: %v", cgroupErr)
		return
	}
	b.ReportMetric(cgroup.Peak(b), "MiB-peak")
}

// idleAnonymous returns the median over three seconds without a refresh: what the last one took is given back meanwhile.
func idleAnonymous(b *testing.B, p *sidecar.Process) float64 {
	b.Helper()
	var megabytes []float64
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 15 {
		<-tick.C
		megabytes = append(megabytes, sidecar.Memory(b, p.PID(), "RssAnon"))
	}
	slices.Sort(megabytes)
	return megabytes[len(megabytes)/2]
}
