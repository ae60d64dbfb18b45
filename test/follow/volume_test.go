package follow_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// volume is a projected volume as a kubelet keeps it: each file is a link into ..data, which is a link to a directory of the moment and is
// replaced by a rename.
type volume struct {
	t   testing.TB
	dir string
}

func newVolume(t testing.TB) volume { return volume{t, t.TempDir()} }

func (v volume) path(name string) string { return filepath.Join(v.dir, name) }

// write replaces what the volume holds.
func (v volume) write(name string, text []byte) {
	v.t.Helper()
	moment, err := os.MkdirTemp(v.dir, "..moment")
	if err == nil {
		err = errors.Join(
			os.WriteFile(filepath.Join(moment, name), text, 0o600),
			os.Symlink(filepath.Base(moment), v.path("..data_tmp")),
			os.Rename(v.path("..data_tmp"), v.path("..data")),
		)
	}
	if link := os.Symlink(filepath.Join("..data", name), v.path(name)); !errors.Is(link, fs.ErrExist) {
		err = errors.Join(err, link)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}
