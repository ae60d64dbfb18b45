package sidecar_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// timedCall makes one request on a kept connection and returns how long the answer took.
func timedCall(b *testing.B, method, url string, want int) time.Duration {
	request, err := http.NewRequestWithContext(context.Background(), method, url, http.NoBody)
	if err != nil {
		b.Error(err)
		return 0
	}
	begun := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Error(err)
		return 0
	}
	_, err = io.Copy(io.Discard, response.Body)
	took := time.Since(begun)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != want {
		b.Errorf("%s %s: got %d, %v; want %d", method, url, response.StatusCode, err, want)
	}
	return took
}

func reportLatencies(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	milliseconds := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(0.5), "ms-p50")
	b.ReportMetric(milliseconds(0.99), "ms-p99")
	b.ReportMetric(milliseconds(1), "ms-max")
}

// startForBench runs the program that is shipped on 20 Secrets of a real API server.
func startForBench(b *testing.B) *sidecar.Process {
	b.Helper()
	plane := controlplane.StartPrivate(b).Plane
	namespace, user := plane.Namespace(b), plane.User(b)
	plane.Grant(b, user, namespace, "list", "watch")
	sidecar.CreateSecrets(b, plane, namespace, 20)
	p := sidecar.StartBinary(b, sidecar.ReleaseBinary(b), filepath.Join(sidecar.InMemory(b), "targets.json"),
		"--kubeconfig", plane.WriteKubeconfig(b, user, namespace), "--rate-limit", "0")
	p.Until("publishes", func() error { return ready(p) })
	return p
}

// BenchmarkHTTPStatus asks for the status 1 000 times a second for five seconds, whether or not earlier answers are there.
func BenchmarkHTTPStatus(b *testing.B) {
	p := startForBench(b)
	const rate, seconds = 1000, 5
	for b.Loop() {
		took := make([]time.Duration, rate*seconds)
		var calls sync.WaitGroup
		tick := time.NewTicker(time.Second / rate)
		for i := range took {
			<-tick.C
			calls.Go(func() {
				took[i] = timedCall(b, http.MethodGet, p.URL+"/api/v2/publishing/targets/status", http.StatusOK)
			})
		}
		calls.Wait()
		tick.Stop()
		reportLatencies(b, took)
	}
}

// BenchmarkHTTPRefresh asks for 200 refreshes, each when the one before has ended.
func BenchmarkHTTPRefresh(b *testing.B) {
	p := startForBench(b)
	for b.Loop() {
		took := make([]time.Duration, 200)
		for i := range took {
			p.Until("is idle", func() error { return idle(p) })
			took[i] = timedCall(b, http.MethodPost, p.URL+"/api/v2/publishing/targets/refresh", http.StatusAccepted)
		}
		reportLatencies(b, took)
	}
}
