package follow_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// backWithin is how late an edit may be once the API server can be reached again: the longest wait between watches, and what a busy machine
// adds.
const backWithin = 10*time.Second + 5*time.Second

// TestTheClustersCAIsReplaced gives the API server a certificate of another authority.
func TestTheClustersCAIsReplaced(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	for _, tt := range []struct {
		name       string
		distrusted bool // the file lacks the new authority when the API server starts with its certificate
	}{
		{"by the book: both authorities in the file, then the certificate", false},
		{"the certificate first", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, private.Plane)
			w.webhook("a", 1)
			mounted := newVolume(t)
			old := private.AdminConfig().CAData
			mounted.write("ca.crt", old)
			e := w.follow(func(s *setup) {
				s.server.REST.CAData, s.server.REST.CAFile = nil, mounted.path("ca.crt")
				s.keeps = []string{"a"}
			})
			next, err := private.NewCertificate()
			w.must(err)
			both := bytes.Join([][]byte{old, next.Chain}, nil)
			if !tt.distrusted {
				mounted.write("ca.crt", both)
			}
			w.must(private.ReplaceCertificate(t.Context(), next))
			if tt.distrusted {
				e.untilStatus("distrusts the API server", func(s targetsync.RefreshStatus) bool {
					return strings.Contains(s.Watch.Error, "certificate signed by unknown authority")
				})
				mounted.write("ca.crt", both)
			}
			late := e.late(w, "a")
			e.told("the cluster's CA is replaced, "+tt.name, late)
			if late > backWithin {
				t.Errorf("an edit is late by %s, want at most %s", late, backWithin)
			}
			if tt.distrusted {
				return
			}
			mounted.write("ca.crt", next.Chain) // the end of the book
			w.must(private.StopAPIServer(), private.StartAPIServer(t.Context()))
			e.told("the old authority is gone", e.late(w, "a"))
		})
	}
}
