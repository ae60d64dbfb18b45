package manifests_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Everything that deploy/ ships, and every input of the table.
func TestTheRepositorysFilesAreReadAsKubectlReadsThem(t *testing.T) {
	secrets := 0
	err := filepath.WalkDir("../../deploy", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			return err
		}
		want := kubectl(path)
		if diff := difference(want, sidecar(t, path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		secrets += len(want.secrets)
		return nil
	})
	if err != nil || secrets == 0 {
		t.Errorf("got error %v and %d Secrets, want some", err, secrets)
	}
}

// 2 000 files that are written, and broken, as people and tools do it.
func TestGeneratedFilesAreReadAsKubectlReadsThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	taken, refused := 0, 0
	for seed := range uint64(2000) {
		g := generator{Rand: rand.New(rand.NewPCG(seed, 14))} // #nosec G404 -- a test has to be repeatable
		text := g.file()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := sidecar(t, path)
		if diff := difference(kubectl(path), got); diff != "" {
			t.Errorf("seed %d: %s\n%q", seed, diff, text)
		}
		if got.told != "" {
			refused++
		} else {
			taken++
		}
	}
	if taken < 500 || refused < 200 {
		t.Errorf("got %d files taken and %d refused, want many of both: else little is compared", taken, refused)
	}
	t.Logf("%d files taken, %d refused", taken, refused)
}

// FuzzAgainstKubectl reads any bytes.
func FuzzAgainstKubectl(f *testing.F) {
	for seed := range uint64(50) {
		f.Add([]byte((&generator{Rand: rand.New(rand.NewPCG(seed, 15))}).file())) // #nosec G404 -- a test has to be repeatable
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := write(t, "a.yaml", string(text))
		if diff := difference(kubectl(path), sidecar(t, path)); diff != "" {
			t.Error(diff)
		}
	})
}
