package kube_test

import (
	"fmt"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

// BenchmarkList compares a List with a bare one, in which client-go decodes every Secret and nobody decodes a target. Nothing changes between
// two Lists, and the pages are encoded before.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{20, 1_000, 10_000} {
		api := newTLSAPI(b, targetSecrets(n)...)
		k := api.source(b)
		bare, err := kube.NewBare(kube.Config{REST: api.rest()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(bare.Close)
		if _, err := bare.List(b.Context(), alertsNamespace); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("secrets=%d/bare", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := bare.List(b.Context(), alertsNamespace); err != nil || got != n {
					b.Fatalf("got %d Secrets and error %v, want %d", got, err, n)
				}
			}
		})
		b.Run(fmt.Sprintf("secrets=%d/list", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if listing, err := k.List(b.Context(), alertsNamespace); err != nil || len(listing.Secrets) != n {
					b.Fatalf("got %d Secrets and error %v, want %d", len(listing.Secrets), err, n)
				}
			}
		})
	}
}
