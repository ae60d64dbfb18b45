package readme_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestMain runs the tests, or, under the name of a command, what stands for it: see [stand].
func TestMain(m *testing.M) {
	if do, ok := stands()[filepath.Base(os.Args[0])]; ok {
		os.Exit(do(os.Args[1:]))
	}
	controlplane.Main(m)
}
