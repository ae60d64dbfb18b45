package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

// Create builds an image, writes it into a file as [Write] does, and returns its digest.
func Create(ctx context.Context, path, reference string, spec Spec) (v1.Hash, error) {
	index, err := Build(ctx, spec)
	if err != nil {
		return v1.Hash{}, err
	}
	file, err := os.Create(path) // #nosec G304 -- the caller's
	if err != nil {
		return v1.Hash{}, err
	}
	if err := errors.Join(Write(file, reference, index), file.Close()); err != nil {
		return v1.Hash{}, errors.Join(err, os.Remove(path))
	}
	return index.Digest()
}

// Write writes the index as an OCI archive: an OCI image layout in a tar file, with the image's name in annotations. For engines that know
// only the older format of `docker save`, such as Docker 20.10, it also holds that format's list of the same images.
func Write(w io.Writer, reference string, index v1.ImageIndex) error {
	annotations, err := naming(reference)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("writing the image layout: %w", err)
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(annotations)); err != nil {
		return fmt.Errorf("writing the image layout: %w", err)
	}
	list, err := savedImages(annotations["io.containerd.image.name"], index)
	if err != nil {
		return fmt.Errorf("listing the images: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), list, 0o600); err != nil {
		return err
	}
	return pack(w, os.DirFS(dir))
}

// savedImages returns the manifest.json of `docker save`. It knows no image for several platforms, so the first has the name, and each
// further one its architecture behind it.
func savedImages(reference string, index v1.ImageIndex) ([]byte, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var list tarball.Manifest
	for i, platform := range manifest.Manifests {
		image, err := index.Image(platform.Digest)
		if err != nil {
			return nil, err
		}
		content, err := image.Manifest()
		if err != nil {
			return nil, err
		}
		saved := tarball.Descriptor{Config: blob(content.Config.Digest), RepoTags: []string{reference}}
		if i > 0 {
			saved.RepoTags[0] += "-" + platform.Platform.Architecture
		}
		for _, layer := range content.Layers {
			saved.Layers = append(saved.Layers, blob(layer.Digest))
		}
		list = append(list, saved)
	}
	return json.Marshal(list)
}

// blob returns the place of a blob in an image layout.
func blob(digest v1.Hash) string { return "blobs/" + digest.Algorithm + "/" + digest.Hex }

// naming returns the annotations from which importers learn the image's name. The kubelet looks for an image by its full name, so a
// short one gets the prefix that container engines give it.
func naming(reference string) (map[string]string, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return nil, fmt.Errorf("reading the image's name: %w", err)
	}
	full := tag.Name()
	if rest, ok := strings.CutPrefix(full, name.DefaultRegistry+"/"); ok {
		full = "docker.io/" + rest
	}
	return map[string]string{
		"org.opencontainers.image.ref.name": tag.TagStr(),
		"io.containerd.image.name":          full,
	}, nil
}

// pack writes the files in the order of their names.
func pack(w io.Writer, dir fs.FS) error {
	var files []bundle.File
	err := fs.WalkDir(dir, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, path)
		files = append(files, bundle.File{Name: path, Mode: 0o644, Content: content})
		return err
	})
	if err != nil {
		return fmt.Errorf("packing the image: %w", err)
	}
	return bundle.Write(w, time.Time{}, files)
}
