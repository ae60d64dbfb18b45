package integration_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// openNames opens a discovery of names.
func openNames(t *testing.T, path, sidecarURL string) *discovery.Discovery[string] {
	t.Helper()
	d, err := discovery.Open(t.Context(), discovery.Config[string]{Path: path, Sidecar: sidecarURL,
		Convert: func(target targetsfile.Target) (string, error) { return target.Name, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// manifest is a Secret in a file.
func manifest(t *testing.T, dir, name string) {
	t.Helper()
	text := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: " + name + "\n  labels: {publishing-target: \"true\"}\n" +
		"stringData: {type: webhook, url: \"https://example.com/in\"}\n"
	if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What was true before the call is known after it, with the real sidecar, which without a watch is asked in earnest.
func TestDiscoverTargetsBringsWhatIsThere(t *testing.T) {
	manifests, path := t.TempDir(), filepath.Join(t.TempDir(), "targets.json")
	manifest(t, manifests, "first")
	running := sidecar.Start(t, path, "--manifests", manifests, "--no-watch")
	targets := openNames(t, path, running.URL)

	manifest(t, manifests, "second")
	if err := targets.DiscoverTargets(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := targets.ListTargets(); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("got %v, want both", got)
	}
	if err := targets.DiscoverTargets(t.Context()); err == nil || !strings.Contains(err.Error(), "rate_limited") {
		t.Errorf("got %v, want that the sidecar refuses a second refresh within a minute", err)
	}

	running.Kill()
	if err := targets.DiscoverTargets(t.Context()); err != nil {
		t.Errorf("got %v without a sidecar, want that the file counts", err)
	}
}

func TestDiscoverTargetsAsOftenAsOneLikes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	running := sidecar.Start(t, path, "--manifests", filepath.Join(root, "deploy/examples"))
	targets := openNames(t, path, running.URL)
	for range 3 {
		if err := targets.DiscoverTargets(t.Context()); err != nil {
			t.Errorf("got %v, want none while a watch follows the Secrets", err)
		}
	}
}
