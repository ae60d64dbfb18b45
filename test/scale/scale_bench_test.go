// Package scale_test runs many sidecars at once, each a process of its own as in a pod of its own, against one API server.
package scale_test

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

var count = flag.Int("sidecars", 200, "how many sidecars BenchmarkScale runs")

const (
	secrets  = 1_000
	alone    = 10 * time.Second // how long the API server is measured without sidecars
	settling = 10 * time.Second
	resting  = time.Minute
	away     = 10 * time.Second
	herding  = 30 * time.Second
)

// BenchmarkScale measures a fleet at rest, a change's way to all files, and the return of an API server that was away: for sidecars that
// follow changes, and for sidecars that only poll. The former refresh every minute instead of every five, so that a minute of rest holds a
// refresh of each.
func BenchmarkScale(b *testing.B) {
	for name, mode := range map[string]struct {
		args    []string
		changes int
	}{
		"watch":   {[]string{"--refresh-interval", "1m"}, 20},
		"polling": {[]string{"--no-watch", "--refresh-interval", "30s"}, 3},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				plane := controlplane.StartPrivate(b)
				namespace, user := plane.Namespace(b), plane.User(b)
				plane.Grant(b, user, namespace, "list", "watch")
				sidecar.CreateSecrets(b, plane.Plane, namespace, secrets)
				before, after, seconds := rest(b, alone, func() load { return measureLoad(b, plane, nil) })
				b.ReportMetric((after.api-before.api)/seconds, "cores-api-alone")
				b.ReportMetric(sidecar.Memory(b, plane.PIDs()["kube-apiserver"], "VmRSS"), "MB-api-alone")
				args := append([]string{"--kubeconfig", plane.WriteKubeconfig(b, user, namespace)}, mode.args...)
				f := startFleet(b, plane, namespace, sidecar.ReleaseBinary(b), args...)
				b.ReportMetric(f.started.Seconds(), "s-to-publish")
				<-time.After(settling)
				f.measureRest()
				f.measureChanges(mode.changes)
				f.measureReturn()
				f.end()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(*count), "sidecars")
			b.ReportMetric(secrets, "secrets")
		})
	}
}

func (f *fleet) load() load { return measureLoad(f.b, f.plane, f.sidecars) }

func (f *fleet) measureRest() {
	before, after, seconds := rest(f.b, resting, f.load)
	f.b.ReportMetric((after.requests.all-before.requests.all)/seconds, "requests/s")
	f.b.ReportMetric((after.requests.lists-before.requests.lists)/seconds, "LISTs/s")
	f.b.ReportMetric((after.api-before.api)/seconds, "cores-api")
	f.b.ReportMetric((after.etcd-before.etcd)/seconds, "cores-etcd")
	f.b.ReportMetric((after.sidecars-before.sidecars)/seconds, "cores-sidecars")
	f.b.ReportMetric(sidecar.Memory(f.b, f.plane.PIDs()["kube-apiserver"], "VmRSS"), "MB-api")
	f.b.ReportMetric(f.anonymous(), "MB-sidecar")
}

// anonymous is the mean of the sidecars' anonymous memory in MB.
func (f *fleet) anonymous() (mean float64) {
	for _, p := range f.sidecars {
		mean += sidecar.Memory(f.b, p.PID(), "RssAnon") / float64(len(f.sidecars))
	}
	return mean
}

func (f *fleet) measureChanges(changes int) {
	report(f.b, f.changes(changes), "ms-change")
}

// changes makes some changes and returns how long each took to each file.
func (f *fleet) changes(count int) (all []time.Duration) {
	for range count {
		all = append(all, f.change()...)
		<-time.After(time.Second) // so that each change is the first one after a quiet spell
	}
	return all
}

func report(b *testing.B, took []time.Duration, unit string) {
	b.Helper()
	slices.Sort(took)
	for suffix, share := range map[string]float64{"-p50": 0.5, "-p99": 0.99, "-most": 1} {
		b.ReportMetric(float64(took[int(share*float64(len(took)-1))].Microseconds())/1000, unit+suffix)
	}
}

// measureReturn takes the API server away for a while. It counts what all sidecars ask of it when it is back, second by second from the
// moment that its new process starts, and makes a change as soon as it is ready.
func (f *fleet) measureReturn() {
	f.must(f.plane.StopAPIServer())
	<-time.After(away)
	began := time.Now()
	f.must(f.plane.StartAPIServer(f.b.Context()))
	changed := make(chan []time.Duration, 1)
	go func() {
		defer close(changed) // also when it gives up
		changed <- f.change()
	}()
	var peak float64
	previous, last := load{at: began}, load{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last.at.Sub(began) < herding {
		last = f.load() // the first time it covers the seconds of the start, too
		peak = max(peak, (last.requests.all-previous.requests.all)/last.at.Sub(previous.at).Seconds())
		previous = last
		<-tick.C
	}
	f.b.ReportMetric(last.requests.all, "requests-30s")
	f.b.ReportMetric(last.requests.lists, "LISTs-30s")
	f.b.ReportMetric(last.requests.watches, "WATCHes-30s")
	f.b.ReportMetric(last.requests.errors, "errors-30s")
	f.b.ReportMetric(peak, "requests/s-peak")
	f.b.ReportMetric(last.api/last.at.Sub(began).Seconds(), "cores-api-30s")
	if took := <-changed; took != nil {
		report(f.b, took, "ms-return")
	}
}
