package targetsfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The poll is what moves the watch when no event tells that the directory is another, even if the file in it is the same.
func TestPollMovesTheWatch(t *testing.T) {
	root := t.TempDir()
	link, from, to := filepath.Join(root, "link"), filepath.Join(root, "from"), filepath.Join(root, "to")
	if err := errors.Join(
		os.Mkdir(from, 0o700), os.Mkdir(to, 0o700), os.Symlink(from, link),
		os.WriteFile(filepath.Join(from, "targets.json"), []byte("{}"), 0o600),
		os.Link(filepath.Join(from, "targets.json"), filepath.Join(to, "targets.json")),
	); err != nil {
		t.Fatal(err)
	}
	c, err := newConfig(filepath.Join(link, "targets.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFollower(c, func(state) {})
	defer f.stop()
	f.load()
	if f.look() {
		t.Error("got a reason to load, want none")
	}
	if err := errors.Join(os.Remove(link), os.Symlink(to, link)); err != nil {
		t.Fatal(err)
	}
	if !f.look() {
		t.Error("got no reason to load, want the new watch to be one")
	}
	if f.look() {
		t.Error("got a reason to load, want none")
	}
}
