package targetsfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// whole returns a file of that generation without targets.
func whole(t *testing.T, generation uint64) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.json")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Document{Epoch: "e", Generation: generation, Checksum: Checksum(nil)}).WriteTo(file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// watching returns a follower, which does not run, and how to replace its file.
func watching(t *testing.T, path string) (f *follower, replace func(generation uint64)) {
	t.Helper()
	replace = func(generation uint64) {
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			target = path
		}
		if err := errors.Join(os.WriteFile(target+".new", whole(t, generation), 0o600), os.Rename(target+".new", target)); err != nil {
			t.Fatal(err)
		}
	}
	replace(1)
	c, err := newConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	f = newFollower(c, func(state) {})
	t.Cleanup(f.stop)
	f.load()
	return f, replace
}

// The poll is what moves the watch when no event tells that the directory is another, even if the file in it is the same.
func TestPollMovesTheWatch(t *testing.T) {
	root := t.TempDir()
	link, from, to := filepath.Join(root, "link"), filepath.Join(root, "from"), filepath.Join(root, "to")
	if err := errors.Join(
		os.Mkdir(from, 0o700), os.Mkdir(to, 0o700), os.Symlink(from, link),
		os.WriteFile(filepath.Join(from, "targets.json"), whole(t, 1), 0o600),
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
