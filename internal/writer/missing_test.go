package writer_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/writer"
)

// TestAMissingFileIsNotTakenForAMissingDirectory has something remove temporary files while they are written.
func TestAMissingFileIsNotTakenForAMissingDirectory(t *testing.T) {
	dir := t.TempDir()
	w := writer.New(filepath.Join(dir, "targets.json"), 0o640)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			names, _ := filepath.Glob(filepath.Join(dir, ".*"))
			for _, name := range names {
				_ = os.Remove(name)
			}
		}
	}()
	defer func() { close(done); <-ended }()
	d := document(t, 1000)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		_, err := w.Publish(d)
		if !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if !strings.Contains(err.Error(), "something has removed the temporary file") || strings.Contains(err.Error(), "does not exist: mount") {
			t.Errorf("got %v, want that the temporary file was removed", err)
		}
		return
	}
	t.Fatal("no write failed")
}
