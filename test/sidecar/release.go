package sidecar

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ReleaseBinary builds the program as it is shipped, for as long as the test runs.
func ReleaseBinary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refresh-sidecar")
	if err := BuildRelease(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// BuildRelease builds the program as it is shipped.
func BuildRelease(path string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/refresh-sidecar") // #nosec G204 -- our own arguments
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building refresh-sidecar: %w\n%s", err, out)
	}
	return nil
}
