package sidecar_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// BenchmarkFootprint measures the binary that is shipped, against a real API server: its size, the memory of the idle process after
// some refreshes, and the time from its start to the first snapshot.
func BenchmarkFootprint(b *testing.B) {
	binary := releaseBinary(b)
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	for _, count := range []int{20, 10000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			plane := controlplane.Get(b)
			namespace := plane.Namespace(b)
			user := plane.User(b)
			plane.Grant(b, user, namespace, "list")
			createSecrets(b, plane, namespace, count)
			kubeconfig := plane.WriteKubeconfig(b, user, namespace)
			var first time.Duration
			var p *sidecar.Process
			for b.Loop() {
				begun := time.Now()
				p = sidecar.StartBinary(b, binary, filepath.Join(b.TempDir(), "targets.json"), "--kubeconfig", kubeconfig, "--rate-limit", "0")
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
			for field, unit := range map[string]string{"VmRSS": "MB-RSS", "RssAnon": "MB-anonymous", "VmHWM": "MB-RSS-peak"} {
				b.ReportMetric(memory(b, p.PID(), field), unit)
			}
		})
	}
}

// releaseBinary builds the program as it is shipped.
func releaseBinary(b testing.TB) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "refresh-sidecar")
	cmd := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/refresh-sidecar") // #nosec G204 -- our own arguments
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// createSecrets makes Secrets that yield a target each.
func createSecrets(t testing.TB, plane *controlplane.Plane, namespace string, count int) {
	t.Helper()
	const workers = 10
	results := make(chan error)
	for worker := range workers {
		go func() {
			var err error
			for i := worker; i < count; i += workers {
				_, e := plane.Admin().CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("t-%05d", i), Labels: map[string]string{"publishing-target": "true"}},
					StringData: map[string]string{"type": "webhook", "url": "https://hooks.example.com/services/T0000/B0000/0123456789abcdef",
						"headers": "X-Team=sre", "auth_token": "0123456789abcdef"},
				}, metav1.CreateOptions{})
				err = errors.Join(err, e)
			}
			results <- err
		}()
	}
	for range workers {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
}

// memory returns a field of /proc/PID/status in MB.
func memory(b testing.TB, pid int, field string) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			var kilobytes float64
			if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
				b.Fatal(err)
			}
			return kilobytes * 1024 / 1e6
		}
	}
	b.Fatalf("no %s in /proc/%d/status", field, pid)
	return 0
}
