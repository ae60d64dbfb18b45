package tool

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// NPM returns a folder whose node_modules holds these packages, each with its exact version: name@1.2.3. It is in the user's cache and made
// once. Without npm or its registry, and with -short, the test is skipped.
func NPM(t testing.TB, packages ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: npm packages are not installed with -short")
	}
	program := Find(t, "npm", "nodejs and npm")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.NewReplacer("@", "_", "/", "_").Replace(strings.Join(packages, "+"))
	dir := filepath.Join(cache, "refresh-sidecar", "npm", name)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		t.Fatal(err)
	}
	making, err := os.MkdirTemp(filepath.Dir(dir), "making")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(making)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	args := append([]string{"install", "--prefix", making, "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"}, packages...)
	cmd := exec.CommandContext(ctx, program, args...) // #nosec G204 -- packages named above
	cmd.Dir = making
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("skipped: npm cannot install %s: %v\n%s", strings.Join(packages, " "), err, out)
	}
	if err := os.Rename(making, dir); err != nil && !isThere(dir) { // another process may have been faster
		t.Fatal(err)
	}
	return dir
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
