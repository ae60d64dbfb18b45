package scale_test

import (
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// load is what was used and asked up to one moment.
type load struct {
	at                  time.Time
	api, etcd, sidecars float64 // seconds of CPU time
	requests            requests
}

// requests are those for Secrets that the API server has counted since its start.
type requests struct{ all, lists, watches, errors float64 }

func countRequests(b *testing.B, plane *controlplane.Private) requests {
	b.Helper()
	families := plane.Metrics(b)
	count := func(metric string, labels map[string]string) float64 {
		labels["resource"] = "secrets"
		return families.Sum(metric, labels)
	}
	// A watch is counted when it ends.
	open := count("apiserver_longrunning_requests", map[string]string{"verb": "WATCH"})
	r := requests{
		all:     count("apiserver_request_total", map[string]string{}) + open,
		lists:   count("apiserver_request_total", map[string]string{"verb": "LIST"}),
		watches: count("apiserver_request_total", map[string]string{"verb": "WATCH"}) + open,
	}
	r.errors = r.all - open - count("apiserver_request_total", map[string]string{"code": "200"})
	return r
}

func measureLoad(b *testing.B, plane *controlplane.Private, sidecars []*sidecar.Process) load {
	b.Helper()
	l := load{requests: countRequests(b, plane), at: time.Now()}
	pids := plane.PIDs()
	l.api, l.etcd = cpuTime(b, pids["kube-apiserver"]), cpuTime(b, pids["etcd"])
	for _, p := range sidecars {
		l.sidecars += cpuTime(b, p.PID())
	}
	return l
}

func cpuTime(b *testing.B, pid int) float64 {
	b.Helper()
	process, err := procfs.NewProc(pid)
	if err != nil {
		b.Fatal(err)
	}
	stat, err := process.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return stat.CPUTime()
}

// rest waits and returns the loads before and after, and the seconds in between.
func rest(b *testing.B, d time.Duration, measure func() load) (before, after load, seconds float64) {
	b.Helper()
	before = measure()
	<-time.After(d) // what happens in this time is what is measured
	after = measure()
	return before, after, after.at.Sub(before.at).Seconds()
}
