package torture_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestSoak lets the shipped program live under churn, callers and cut connections, and looks for what grows.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("make soak runs it")
	}
	w := newWorld(t, controlplane.Get(t))
	f := begin(t, &fault{Area: "time", Name: "soak",
		Made: fmt.Sprintf("%s of up to 50 changes a second, 40 HTTP requests a second, a manual refresh every 2 s, a periodic one every 15 s; "+
			"all connections to the API server are cut every 20 s", *soakFor),
		Holds: "memory, descriptors and goroutines stay flat (medians of the first and last quarter after a warm-up of a tenth); " +
			"the readers see nothing wrong; at the end the state has arrived"})
	c := newChurn(w, 50, 1<<10, 20*time.Millisecond)
	front := newFront(t, w)
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, "--kubeconfig", w.kubeconfig(), "--rate-limit", "0", "--refresh-interval", "15s", "--retry-backoff", "1s")
	p.Until("publishes", func() error { return succeeded(p) })
	witness := attach(t, w.path, f, c.stay...)
	ctx, cancel := context.WithTimeout(t.Context(), *soakFor)
	defer cancel()
	c.begin()
	var callers sync.WaitGroup
	callers.Go(func() { every(ctx, 25*time.Millisecond, func(i int) { call(p.URL, i) }) })
	callers.Go(func() { every(ctx, 20*time.Second, func(int) { front.CloseClientConnections() }) })
	var samples []sample
	every(ctx, time.Second, func(int) { samples = append(samples, measure(t, p)) })
	callers.Wait()
	c.stop()
	waitFor(t, time.Minute, "the last state arrives", func() error { return c.arrived(readRaw(t, w.path)) })
	witness.end()
	f.run()
	expectFlat(f, samples[len(samples)/10:])
	f.figure("%d changes, generation %d, %.0f publications, %d files seen", c.number, witness.last.Generation,
		p.Metric("publishing_snapshot_publications_total", "result", "written"), witness.files)
}

// every does something again and again until ctx ends.
func every(ctx context.Context, pause time.Duration, do func(i int)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(i)
		}
	}
}

// call makes one request of each kind in turn, and now and then asks for a refresh. What is answered does not matter here.
func call(url string, i int) {
	paths := []string{publishing + "/status", publishing, "/metrics", "/healthz", "/readyz", "/", "/openapi.yaml", "/nowhere"}
	method, path := http.MethodGet, paths[i%len(paths)]
	if i%80 == 0 {
		method, path = http.MethodPost, publishing+"/refresh"
	}
	request, err := http.NewRequest(method, url+path, http.NoBody) // #nosec G107 -- the program under test
	if err != nil {
		return
	}
	request.Close = i%3 == 0
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
	}
}

// sample is what a process holds at one moment.
type sample struct {
	at                           time.Time
	anonymous, files, goroutines float64
}

func measure(t *testing.T, p *sidecar.Process) sample {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return sample{time.Now(), sidecar.Memory(t, p.PID(), "RssAnon"), float64(len(files)), p.Metric("go_goroutines")}
}
