package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

// Charts copies deploy/helm to a directory that goes with t, with the example's dependency in place.
func Charts(t testing.TB) (path string) {
	t.Helper()
	root := t.TempDir()
	charts, rules := filepath.Join(root, "helm"), "prometheus-rules.yaml"
	if err := os.CopyFS(charts, os.DirFS(filepath.Join(dir, "helm"))); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, rules), readFile(t, filepath.Join(dir, rules))) // which the library links to
	Helm(t, "dependency", "build", filepath.Join(charts, "example"))
	return charts
}

// Helm runs helm with a home of its own, and returns what it prints.
func Helm(t testing.TB, args ...string) string {
	t.Helper()
	out, err := TryHelm(t, args...)
	if err != nil {
		t.Fatal(out)
	}
	return out
}

// TryHelm is Helm for what may fail: then it returns what helm complains of.
func TryHelm(t testing.TB, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), controlplane.Program(t, binaries.Helm), args...) // #nosec G204 -- our own
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "helm " + strings.Join(args, " ") + ": " + stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}
