package source_test

import (
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

func TestNewer(t *testing.T) {
	cases := map[[2]string]bool{
		{"2", "1"}: true, {"10", "9"}: true, {"1", "1"}: false, {"1", "2"}: false,
		{"18446744073709551617", "18446744073709551616"}: true, // beyond 64 bits
		{"", "1"}: false, {"1", ""}: false, {"x", "1"}: false, {"0", "1"}: false,
	}
	for pair, want := range cases {
		if got := source.Newer(pair[0], pair[1]); got != want {
			t.Errorf("Newer(%q, %q): got %t, want %t", pair[0], pair[1], got, want)
		}
	}
}
