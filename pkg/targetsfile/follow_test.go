package targetsfile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Each way to hear of a change must be enough alone.
func eachWay(t *testing.T, test func(t *testing.T, opts ...targetsfile.Option)) {
	t.Run("events alone", func(t *testing.T) { test(t, targetsfile.WithPollInterval(time.Hour)) })
	t.Run("polling alone", func(t *testing.T) {
		test(t, targetsfile.WithoutWatch(), targetsfile.WithPollInterval(time.Millisecond))
	})
}

func TestFollowsTheFile(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, r *targetsfile.Reader, path string)
	}{
		{"renamed over twice in a row", func(t *testing.T, _ *targetsfile.Reader, path string) {
			rename(t, path, encode(t, document(t, 2, "a")))
			rename(t, path, encode(t, document(t, 3, "a")))
		}},
		{"written in place, in pieces", func(t *testing.T, r *targetsfile.Reader, path string) {
			file, err := os.Create(path) // truncates
			check(t, err)
			defer file.Close()
			content := encode(t, document(t, 3, "a"))
			half := len(content) / 2
			_, err = file.Write(content[:half])
			check(t, err)
			eventually(t, r, "half a file is refused", func() bool { return r.Status().LastError != nil })
			if s := r.Snapshot(); s.Generation() != 1 {
				t.Errorf("got generation %d meanwhile, want 1", s.Generation())
			}
			_, err = file.Write(content[half:])
			check(t, err)
		}},
		{"deleted and created again", func(t *testing.T, r *targetsfile.Reader, path string) {
			check(t, os.Remove(path))
			eventually(t, r, "the file is missed", func() bool { return errors.Is(r.Status().LastError, fs.ErrNotExist) })
			rename(t, path, encode(t, document(t, 3, "a")))
		}},
		{"renamed away and another one created", func(t *testing.T, r *targetsfile.Reader, path string) {
			check(t, os.Rename(path, path+".old"))
			eventually(t, r, "the file is missed", func() bool { return errors.Is(r.Status().LastError, fs.ErrNotExist) })
			check(t, os.WriteFile(path, encode(t, document(t, 3, "a")), 0o600))
		}},
		{"replaced by a symbolic link, then that by another", func(t *testing.T, r *targetsfile.Reader, path string) {
			for _, generation := range []uint64{2, 3} {
				other := filepath.Join(t.TempDir(), "elsewhere.json")
				rename(t, other, encode(t, document(t, generation, "a")))
				check(t, os.Symlink(other, path+".link"), os.Rename(path+".link", path))
				serves(t, r, generation)
			}
		}},
		{"projected by a kubelet, twice", func(t *testing.T, r *targetsfile.Reader, path string) {
			dir := filepath.Dir(path)
			for _, generation := range []uint64{2, 3} {
				volume := fmt.Sprintf("..2026_01_02_%d", generation)
				check(t, os.Mkdir(filepath.Join(dir, volume), 0o700))
				rename(t, filepath.Join(dir, volume, "targets.json"), encode(t, document(t, generation, "a")))
				check(t, os.Symlink(volume, filepath.Join(dir, "..data_tmp")))
				check(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
				if generation == 2 {
					check(t, os.Symlink("..data/targets.json", path+".link"), os.Rename(path+".link", path))
				}
				serves(t, r, generation)
			}
		}},
		{"moved away and back", func(t *testing.T, r *targetsfile.Reader, path string) {
			check(t, os.Rename(path, path+".old"))
			eventually(t, r, "the file is missed", func() bool { return errors.Is(r.Status().LastError, fs.ErrNotExist) })
			check(t, os.Rename(path+".old", path))
			eventually(t, r, "the file is back", func() bool { return r.Status().LastError == nil })
			serves(t, r, 1)
			rename(t, path, encode(t, document(t, 3, "a")))
		}},
		{"replaced by one of the same size and time of change", func(t *testing.T, _ *targetsfile.Reader, path string) {
			old, err := os.Stat(path)
			check(t, err)
			temp := path + ".new"
			check(t, os.WriteFile(temp, encode(t, document(t, 3, "a")), 0o600), os.Chtimes(temp, old.ModTime(), old.ModTime()))
			if now, err := os.Stat(temp); err != nil || now.Size() != old.Size() || !now.ModTime().Equal(old.ModTime()) {
				t.Fatalf("got another size or time, error %v", err)
			}
			check(t, os.Rename(temp, path))
		}},
		{"given an older time of change", func(t *testing.T, _ *targetsfile.Reader, path string) {
			old := time.Now().Add(-time.Hour)
			temp := path + ".new"
			check(t, os.WriteFile(temp, encode(t, document(t, 3, "a")), 0o600), os.Chtimes(temp, old, old), os.Rename(temp, path))
		}},
		{"refreshed without a change", func(t *testing.T, r *targetsfile.Reader, path string) {
			doc := document(t, 1, "a")
			doc.RefreshedAt = doc.RefreshedAt.Add(time.Minute)
			rename(t, path, encode(t, doc))
			eventually(t, r, "the heartbeat is seen", func() bool { return r.Snapshot().RefreshedAt().Equal(doc.RefreshedAt) })
			rename(t, path, encode(t, document(t, 3, "a")))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, opts ...targetsfile.Option) {
				path := published(t, document(t, 1, "a"))
				r := open(t, path, opts...)
				test.change(t, r, path)
				serves(t, r, 3)
				eventually(t, r, "all is well", func() bool { return r.Status().LastError == nil })
			})
		})
	}
}

func TestAbsentFileIsFoundWhenItComes(t *testing.T) {
	eachWay(t, func(t *testing.T, opts ...targetsfile.Option) {
		path := filepath.Join(t.TempDir(), "targets.json")
		r := open(t, path, opts...)
		rename(t, path, encode(t, document(t, 1, "a")))
		check(t, r.WaitReady(t.Context()))
	})
}

func TestAbsentDirectoryIsFoundAndWatchedWhenItComes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	path := filepath.Join(dir, "targets.json")
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
	if r.Status().Watching {
		t.Error("got a watch on an absent directory, want polling")
	}
	check(t, os.MkdirAll(dir, 0o700))
	eventually(t, r, "the directory is watched", func() bool { return r.Status().Watching })
	rename(t, path, encode(t, document(t, 1, "a")))
	serves(t, r, 1)
}

func TestFileInThePlaceOfTheDirectoryIsPolled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	check(t, os.WriteFile(dir, nil, 0o600))
	r := open(t, filepath.Join(dir, "targets.json"))
	if s := r.Status(); s.Watching || s.LastError == nil {
		t.Errorf("got %+v, want polling", s)
	}
}

func TestReplacedDirectoryIsFollowed(t *testing.T) {
	for _, test := range []struct {
		name   string
		remove func(dir string) error
	}{
		{"deleted", os.RemoveAll},
		{"renamed", func(dir string) error { return os.Rename(dir, dir+".old") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "shared")
			path := filepath.Join(dir, "targets.json")
			check(t, os.Mkdir(dir, 0o700))
			rename(t, path, encode(t, document(t, 1, "a")))
			r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
			check(t, test.remove(dir))
			eventually(t, r, "the watch is known to be lost", func() bool { return !r.Status().Watching })
			if _, err := r.Get("a"); err != nil {
				t.Errorf("meanwhile: got %v, want the last target", err)
			}
			check(t, os.Mkdir(dir, 0o700))
			rename(t, path, encode(t, document(t, 2, "a")))
			serves(t, r, 2)
			eventually(t, r, "the new directory is watched", func() bool { return r.Status().Watching })
		})
	}
}

// The link to the directory is changed first, which causes no event in it; then the old directory goes, which does. With polls an hour
// apart only a watch on the new directory can announce what comes after that.
func TestWatchMovesToTheDirectoryNowAtThePath(t *testing.T) {
	root := t.TempDir()
	link, from, to := filepath.Join(root, "link"), filepath.Join(root, "from"), filepath.Join(root, "to")
	check(t, os.Mkdir(from, 0o700), os.Mkdir(to, 0o700), os.Symlink(from, link))
	path := filepath.Join(link, "targets.json")
	rename(t, path, encode(t, document(t, 1, "a")))
	r := open(t, path, targetsfile.WithPollInterval(time.Hour))
	serves(t, r, 1)

	rename(t, filepath.Join(to, "targets.json"), encode(t, document(t, 2, "a")))
	check(t, os.Symlink(to, link+".new"), os.Rename(link+".new", link), os.Rename(from, from+".old"))
	serves(t, r, 2)
	rename(t, path, encode(t, document(t, 3, "a")))
	serves(t, r, 3)
}

func TestOtherFilesCauseNoLoad(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path, targetsfile.WithPollInterval(time.Hour))
	for range 100 {
		rename(t, filepath.Join(filepath.Dir(path), "other.json"), nil)
	}
	rename(t, path, encode(t, document(t, 2, "a")))
	serves(t, r, 2)
	if s := r.Status(); s.Loads+s.Rejects != 2 {
		t.Errorf("got %d loads and %d rejects, want 2 loads", s.Loads, s.Rejects)
	}
}

// A storm of changes costs a bounded number of loads, and ends with the last change however the storm and the loads interleave.
func TestLastOfManyChangesWins(t *testing.T) {
	file := string(encode(t, document(t, 1, "a")))
	path := filepath.Join(t.TempDir(), "targets.json")
	rename(t, path, []byte(file))
	r := open(t, path, targetsfile.WithPollInterval(time.Hour))
	begin := time.Now()
	const last = 10_000
	for generation := 2; generation <= last; generation++ {
		rename(t, path, []byte(strings.Replace(file, `"generation": 1`, fmt.Sprintf(`"generation": %d`, generation), 1)))
	}
	serves(t, r, last)
	most := 2 + uint64(time.Since(begin)/(20*time.Millisecond)) // the first at once, the last after the rest
	if s := r.Status(); s.Loads > most || s.Rejects != 0 {
		t.Errorf("got %d loads and %d rejects, want at most %d and none", s.Loads, s.Rejects, most)
	}
}
