package torture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// releaseVariable names the program for the children of this process.
const releaseVariable = "TORTURE_RELEASE"

var release = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(releaseVariable); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "refresh-sidecar-torture")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- other users run the program
		return "", err
	}
	path := filepath.Join(dir, "refresh-sidecar")
	if err := sidecar.BuildRelease(path); err != nil {
		return "", err
	}
	return path, os.Setenv(releaseVariable, path)
})

// releaseBinary returns the program as it is shipped: it starts faster than one built with the race detector.
func releaseBinary(t testing.TB) string {
	t.Helper()
	path, err := release()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func removeRelease() {
	if path := os.Getenv(releaseVariable); path != "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
}

// with returns a program that runs another one with a variable set.
func with(t testing.TB, variable, binary string) string {
	t.Helper()
	return sidecar.Script(t, fmt.Sprintf("export %s\nexec %s \"$@\"", variable, binary))
}
