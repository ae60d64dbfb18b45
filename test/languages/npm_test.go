package languages_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The packages of npm that tests use, in exact versions.
var (
	typescript = []string{"typescript@7.0.2", "@types/node@22.20.5"}
	ajv        = []string{"ajv@8.20.0", "ajv-formats@3.0.1"}
	quicktype  = []string{"quicktype@26.0.0"}
)

// npm returns a folder whose node_modules holds these packages. It is in the user's cache and made once. Without npm or its registry the
// test is skipped.
func npm(t *testing.T, packages []string) string {
	t.Helper()
	program := find(t, "npm", "nodejs and npm")
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
