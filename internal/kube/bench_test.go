package kube_test

import (
	"fmt"
	"testing"
)

// BenchmarkList compares a List with a bare one, which decodes no target. Nothing changes between two Lists, so a List decodes only what
// the API server says of each Secret.
// The pages are encoded before.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{20, 1_000, 10_000} {
		api := newTLSAPI(b, targetSecrets(n)...)
		k := api.source(b)
		if _, err := k.BareList(b.Context(), alertsNamespace); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("secrets=%d/bare", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := k.BareList(b.Context(), alertsNamespace); err != nil || got != n {
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
