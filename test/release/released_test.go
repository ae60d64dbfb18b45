package release_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/alert-history/refresh-sidecar/test/image"
	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
	"github.com/alert-history/refresh-sidecar/test/release"
)

// released returns the directory of a release, which is made once. It is made of the files as they are, committed or not.
func released(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it links the program four times")
	}
	out, err := firstRelease()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var firstRelease = sync.OnceValues(func() (string, error) {
	ctx, out := context.Background(), filepath.Join(temporary, "first")
	dir, err := clone(ctx, "a")
	if err != nil {
		return "", err
	}
	checkout, err := release.Open(ctx, dir, version)
	if err != nil {
		return "", err
	}
	return out, checkout.Write(ctx, out)
})

// summarised compares contents without printing megabytes of a program.
var summarised = cmp.Transformer("summarised", func(content []byte) string {
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(content), sha256.Sum256(content))
})

// imageOf returns the released image for an architecture, and its configuration.
func imageOf(t *testing.T, architecture string) (v1.Image, *v1.ConfigFile) {
	t.Helper()
	released(t)
	index, err := releasedImages()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, candidate := range manifest.Manifests {
		if candidate.Platform.Architecture == architecture {
			img, err := index.Image(candidate.Digest)
			if err != nil {
				t.Fatal(err)
			}
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			return img, config
		}
	}
	t.Fatalf("no image for %s in %+v", architecture, manifest)
	return nil, nil
}

// releasedImages unpacks the archive with the image, once.
var releasedImages = sync.OnceValues(func() (v1.ImageIndex, error) {
	content, err := os.ReadFile(filepath.Join(temporary, "first", "refresh-sidecar-1.2.3-image.tar"))
	if err != nil {
		return nil, err
	}
	files, err := bundle.Read(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(temporary, "layout")
	for _, file := range files {
		path := filepath.Join(dir, file.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, file.Content, 0o600)); err != nil {
			return nil, err
		}
	}
	outer, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	if err := validate.Index(outer); err != nil {
		return nil, err
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		return nil, err
	}
	return outer.ImageIndex(manifest.Manifests[0].Digest)
})

func contents(t *testing.T, img v1.Image) []bundle.File {
	t.Helper()
	files, err := image.Files(img)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unpack returns the files of an archive of the release.
func unpack(t *testing.T, name string) []bundle.File {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(released(t), name))
	if err != nil {
		t.Fatal(err)
	}
	files, err := bundle.Read(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// read reads a file of this repository.
func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name)) // #nosec G304 -- a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// filesIn reads all files of a directory.
func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil { // #nosec G304 -- of the release
			t.Fatal(err)
		}
	}
	return files
}

func sorted(files map[string][]byte) (names []string) {
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
