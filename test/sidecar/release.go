package sidecar

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ReleaseBinary builds the program as it is shipped, for as long as the test runs.
func ReleaseBinary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refresh-sidecar")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/refresh-sidecar") // #nosec G204 -- our own arguments
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}
