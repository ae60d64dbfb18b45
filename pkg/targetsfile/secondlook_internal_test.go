//go:build go1.25

package targetsfile

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// On FUSE a name that is replaced is missing for a moment. What stays away is missing.
func TestAMissingFileIsLookedForTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	first, second := whole(t, 1), whole(t, 2)
	synctest.Test(t, func(t *testing.T) {
		write := func(content []byte) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Error(err)
			}
		}
		write(first)
		l := loader{path: path, limit: MaxBytes, log: slog.New(slog.DiscardHandler)}
		current := l.load(state{})
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(secondLook / 2)
			write(second)
		}()
		current = l.load(current)
		if current.LastError != nil || current.Rejects != 0 || current.Snapshot.Generation() != 2 {
			t.Errorf("got %v, %d rejects and error %v, want the file that came back", current.Snapshot, current.Rejects, current.LastError)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if current = l.load(current); !errors.Is(current.LastError, os.ErrNotExist) {
			t.Errorf("got error %v, want that it is missing", current.LastError)
		}
	})
}
