package bench_test

import (
	"fmt"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// BenchmarkAPICost counts what the program that is shipped asks of an API server that it has for itself: for ten periodic refreshes, and
// for twenty changes between two of them. The API server does the counting.
func BenchmarkAPICost(b *testing.B) {
	const secrets, intervals, changes = 20, 10, 20
	plane := controlplane.StartPrivate(b)
	namespace, user := plane.Namespace(b), plane.User(b)
	plane.Grant(b, user, namespace, "list", "watch")
	sidecar.CreateSecrets(b, plane.Plane, namespace, secrets)
	kubeconfig, binary := plane.WriteKubeconfig(b, user, namespace), sidecar.ReleaseBinary(b)
	lists := func() float64 {
		return plane.Metric(b, "apiserver_request_total", map[string]string{"verb": "LIST", "resource": "secrets"})
	}
	watches := func() float64 {
		return plane.Metric(b, "apiserver_longrunning_requests", map[string]string{"verb": "WATCH", "resource": "secrets"})
	}
	start := func(interval string) *sidecar.Process {
		p := sidecar.StartBinary(b, binary, filepath.Join(sidecar.InMemory(b), "targets.json"), "--kubeconfig", kubeconfig, "--refresh-interval", interval)
		p.Until("follows changes", func() error { return atLeast(p, 1, "publishing_watch_connected") })
		return p
	}
	for b.Loop() {
		before, watched := lists(), watches()
		p := start("1s")
		p.Until("refreshes periodically", func() error { return atLeast(p, intervals, "publishing_refresh_total", "status", "success") })
		b.ReportMetric(watches()-watched, "watches")
		p.Terminate() // when a refresh that runs has ended
		b.ReportMetric((lists()-before)/float64(len(p.Logs("refresh finished"))), "LISTs/interval")

		p = start("1h")
		before = lists()
		for i := range changes {
			patch := fmt.Sprintf(`{"stringData":{"url":"https://hooks.example.com/%d"}}`, b.N*changes+i)
			_, err := plane.Admin().CoreV1().Secrets(namespace).Patch(b.Context(), sidecar.SecretName(i), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			must(b, err)
		}
		p.Until("has seen all changes", func() error { return atLeast(p, changes, "publishing_watch_events_total", "type", "upsert") })
		b.ReportMetric(p.Metric("publishing_watch_events_total", "type", "upsert")/changes, "events/change")
		p.Terminate()
		b.ReportMetric(lists()-before, "LISTs-for-changes")
	}
	b.ReportMetric(0, "ns/op")
}

func atLeast(p *sidecar.Process, least float64, metric string, labels ...string) error {
	if got := p.Metric(metric, labels...); got < least {
		return fmt.Errorf("%s%q is %v, want %v", metric, labels, got, least)
	}
	return nil
}
