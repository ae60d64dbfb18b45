package targetsfiletest

import (
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// NewReader returns a reader that is ready and serves these targets until the test ends, and never stale. Targets are completed as
// [Writer.Publish] has it.
func NewReader(t testing.TB, targets ...targetsfile.Target) *targetsfile.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "targets.json")
	WriteSnapshot(t, path, targets...)
	reader, err := targetsfile.Open(t.Context(), path, targetsfile.WithoutWatch())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	return reader
}
