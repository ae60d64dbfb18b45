package image

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// Write writes the index as an OCI archive: an OCI image layout in a tar file, with the image's name in annotations.
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
	return pack(w, os.DirFS(dir))
}

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

// pack writes the files in the order of their names, without dates and owners.
func pack(w io.Writer, files fs.FS) error {
	out := tar.NewWriter(w)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		if err := out.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("packing the image: %w", err)
	}
	return out.Close()
}
