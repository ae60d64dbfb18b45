package writer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// processorTime is what the process has used so far: on a machine that others use, too, it tells more than the time that went by.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkComparePublish measures the writing of a document in which one target differs from the document before, anywhere in the list. It
// is run with this version of the package and with an earlier one, see make bench-compare: so it uses nothing of the other tests, and of
// the packages only what both versions have.
func BenchmarkComparePublish(b *testing.B) {
	for _, targets := range []int{20, 1_000, 10_000} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			dir, err := os.MkdirTemp("/dev/shm", "targetsfile")
			if err != nil {
				dir = b.TempDir()
			}
			b.Cleanup(func() { _ = os.RemoveAll(dir) })
			entry := func(i, edit int) *targetsfile.Entry {
				e, err := targetsfile.NewEntry(targetsfile.Target{
					Name: fmt.Sprintf("target-%05d", i), Type: "webhook", URL: fmt.Sprintf("https://hooks.example.com/services/T0000/B0000/%08d", edit),
					PayloadFormat: "webhook", Enabled: true, Headers: map[string]string{"Authorization": "Bearer 0123456789abcdef", "X-Team": "sre"},
					FilterConfig: json.RawMessage(`{"severity":["critical","warning"],"min":1.50}`),
					Secret:       fmt.Sprintf("alert-history/target-%05d", i), SecretUID: fmt.Sprintf("5f1c0d6e-8f5e-4d0b-9c57-0a4b8a4%05d", i),
				})
				if err != nil {
					b.Fatal(err)
				}
				return e
			}
			list := make([]*targetsfile.Entry, targets)
			for i := range list {
				list[i] = entry(i, 0)
			}
			w := writer.New(filepath.Join(dir, "targets.json"), 0o640)
			at := time.Date(2026, 1, 2, 10, 30, 45, 0, time.UTC)
			edit := 0
			publish := func() {
				_, err := w.Publish(&targetsfile.Document{
					Epoch: "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", Generation: uint64(edit) + 1, ChangedAt: at, RefreshedAt: at, StaleAfter: at.Add(time.Hour),
					Source: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "secrets"}, Discovered: targets, Valid: targets, Entries: list,
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			publish()
			b.ReportAllocs()
			used := time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				edit++
				list = slices.Clone(list)
				i := edit * 7919 % targets
				list[i] = entry(i, edit)
				used -= processorTime(b)
				b.StartTimer()
				publish()
				used += processorTime(b)
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
