package sidecar_test

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

// The same files through kubectl and an API server: what is published is what --manifests publishes, and what it rejects either the API
// server refuses or the sidecar rejects as well.
func TestCasesThroughAnAPIServer(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	kubectl := controlplane.Program(t, binaries.Kubectl)
	for _, tt := range []struct {
		file      string
		published []string
		rejected  []string
		refused   bool // kubectl says that it could not apply all
	}{
		{"merged.yaml", []string{"team-one", "team-two"}, nil, false},
		{"byte-order-mark.yaml", []string{"marked"}, nil, false},
		{"utf16.yaml", []string{"wide-one", "wide-three", "wide-two"}, nil, false},
		{"json-lines.yaml", []string{"line-one", "line-two"}, nil, false},
		{"null.yaml", []string{"after-null"}, nil, false},
		{"sops.yaml", []string{}, nil, true},
		{"names.yaml", []string{"well-named"}, nil, true},
		{"placeholders.yaml", []string{}, []string{"in-quotes", "left-by-envsubst", "left-by-helm", "left-by-sops", "two-schemes"}, false},
		{"generated.yaml", []string{"empty-keys", "headers-in-json", "headers-in-lines", "with-a-filter"}, []string{"yaml-in-config"}, false},
	} {
		t.Run(tt.file, func(t *testing.T) {
			w := newWorld(t, plane)
			admin := plane.WriteKubeconfig(t, plane.AdminUser(), w.namespace)
			out, err := exec.CommandContext(t.Context(), kubectl, "--kubeconfig", admin, "apply", "-f", "../manifests/testdata/cases/"+tt.file).CombinedOutput() // #nosec G204 -- the tests' own
			if _, failed := errors.AsType[*exec.ExitError](err); failed != tt.refused {
				t.Fatalf("got error %v, want one: %t\n%s", err, tt.refused, out)
			}
			p := w.start()
			p.Until("publishes", func() error { return ready(p) })
			d := p.Document()
			expectNames(t, p, tt.published...)
			var rejected []string
			for _, r := range d.Rejections {
				rejected = append(rejected, r.Secret)
			}
			var want []string
			for _, name := range tt.rejected {
				want = append(want, fmt.Sprintf("%s/%s", w.namespace, name))
			}
			slices.Sort(rejected)
			if diff := cmp.Diff(want, rejected); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
		})
	}
}
