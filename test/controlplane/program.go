package controlplane

import (
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

// Program returns the path of a program, which is built first if it is missing. It skips the test under -short.
func Program(t testing.TB, name binaries.Name) string {
	t.Helper()
	path, err := binaries.Cache{}.Path(prepare(t), name)
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	return path
}
