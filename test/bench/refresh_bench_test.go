package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/secret"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

const selector = "publishing-target=true"

// BenchmarkRefresh measures whole refreshes of a real API server's Secrets, beside LISTs by the plainest means: client-go in the same pages
// and encoding, decoding to targets, the result dropped; and the same without decoding. The three take turns, so that whatever else the
// machine does hits all of them. Nothing changes between two refreshes.
func BenchmarkRefresh(b *testing.B) {
	plane := controlplane.StartPrivate(b).Plane // with the Secrets in it
	for _, size := range []struct{ targets, rounds int }{{20, 101}, {1_000, 31}, {10_000, 11}} {
		b.Run(fmt.Sprintf("targets=%d", size.targets), func(b *testing.B) {
			namespace, user := plane.Namespace(b), plane.User(b)
			plane.Grant(b, user, namespace, "list", "watch")
			sidecar.CreateSecrets(b, plane, namespace, size.targets)
			way := ways{namespace: namespace, targets: size.targets}
			way.prepare(b, plane.Config(user))
			for b.Loop() {
				way.compare(b, size.rounds)
			}
		})
	}
}

// ways are the three ways to read a namespace.
type ways struct {
	namespace string
	targets   int
	plain     kubernetes.Interface
	manager   *targetsync.DefaultRefreshManager
}

func (w *ways) prepare(b *testing.B, config *rest.Config) {
	b.Helper()
	source, err := kube.New(kube.Config{REST: config, LabelSelector: selector})
	must(b, err)
	b.Cleanup(source.Close)
	protobuf := rest.CopyConfig(config)
	protobuf.ContentType = runtime.ContentTypeProtobuf
	w.plain, err = kubernetes.NewForConfig(protobuf)
	must(b, err)
	w.manager, err = targetsync.New(targetsync.Config{
		Source: source, Publisher: writer.New(filepath.Join(sidecar.InMemory(b), "targets.json"), 0o640),
		Namespaces: []string{w.namespace}, Interval: time.Hour, Timeout: time.Minute,
		Origin:       targetsfile.Source{Kind: targetsfile.SourceKubernetes, Namespaces: []string{w.namespace}, LabelSelector: selector},
		RetryBackoff: []time.Duration{time.Second}, StartupBackoff: []time.Duration{time.Second},
	})
	must(b, err)
	must(b, w.manager.Start())
	b.Cleanup(func() { _ = w.manager.Stop(10 * time.Second) })
}

// compare goes the three ways in turn, in one round that does not count and then in those that do.
func (w *ways) compare(b *testing.B, rounds int) {
	b.Helper()
	took := map[string][]time.Duration{}
	var ratios []float64
	for round := range rounds + 1 {
		client := timed(func() { w.list(b, func(*corev1.Secret) {}) })
		list := timed(func() {
			w.list(b, func(s *corev1.Secret) { secret.Decode(&secret.Object{ObjectMeta: s.ObjectMeta, Data: s.Data}) })
		})
		refresh := timed(func() { w.refresh(b) })
		if round == 0 {
			continue // connections are opened, caches of the API server filled
		}
		took["client-go"], took["list"], took["refresh"] = append(took["client-go"], client), append(took["list"], list), append(took["refresh"], refresh)
		ratios = append(ratios, float64(refresh)/float64(list))
	}
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	for way, durations := range took {
		slices.Sort(durations)
		b.ReportMetric(milliseconds(durations[len(durations)/2]), "ms-"+way)
		b.ReportMetric(milliseconds(durations[0]), "ms-"+way+"-least")
	}
	b.ReportMetric(ratios[len(ratios)/2], "x-list") // the median of the ratios within a round
}

func timed(work func()) time.Duration {
	began := time.Now()
	work()
	return time.Since(began)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// list reads all pages and drops what they are decoded to.
func (w *ways) list(b *testing.B, use func(*corev1.Secret)) {
	count := 0
	options := metav1.ListOptions{LabelSelector: selector, Limit: 500}
	for {
		page, err := w.plain.CoreV1().Secrets(w.namespace).List(b.Context(), options)
		must(b, err)
		for i := range page.Items {
			use(&page.Items[i])
		}
		count += len(page.Items)
		if options.Continue = page.Continue; page.Continue == "" {
			break
		}
	}
	w.expect(b, count)
}

// refresh asks for a refresh, and asks again while the first one of the process still runs.
func (w *ways) refresh(b *testing.B) {
	for {
		run, err := w.manager.Refresh("bench")
		if err != nil {
			continue
		}
		status, err := run.Wait(context.WithoutCancel(b.Context()))
		must(b, err)
		w.expect(b, status.Valid)
		return
	}
}

func (w *ways) expect(b *testing.B, got int) {
	b.Helper()
	if got != w.targets {
		b.Fatalf("got %d targets, want %d", got, w.targets)
	}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
