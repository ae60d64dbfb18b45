// Package image builds container images FROM scratch with one static Go program in each, without a container engine and without a
// registry: cross-compiled, put into an OCI archive that `docker load`, `podman load`, `ctr images import` and `skopeo copy` read.
//
// The same sources, Go version and [Spec] give the same digest, on any machine. The repository's Dockerfile makes the same image of the
// sidecar where there is an engine: same program bit for bit, same configuration. Its digest is another one, because an engine
// compresses and dates its layers in its own way.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// User is who the program runs as: nobody in particular, but not root, and a number, because only of a number can the kubelet tell that
// it is not root (runAsNonRoot).
const User = "65532:65532"

// Spec says what to build.
type Spec struct {
	Dir       string        // the directory of the program's module; empty: the working directory
	Package   string        // the program, as `go build` names it; its last element is the program's name
	Version   string        // what the program and the image call themselves
	Args      []string      // default arguments
	Port      string        // the port it listens on, such as 8095/tcp; empty: none
	Platforms []v1.Platform // at least one
}

// name is that of the program in the root directory.
func (s Spec) name() string { return path.Base(s.Package) }

// Build compiles the program for each platform and returns the index of the images.
func Build(ctx context.Context, spec Spec) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range spec.Platforms {
		program, err := compile(ctx, spec, platform)
		if err != nil {
			return nil, fmt.Errorf("building %s for %s: %w", spec.Package, platform, err)
		}
		image, err := assemble(spec, platform, program)
		if err != nil {
			return nil, fmt.Errorf("assembling the image of %s for %s: %w", spec.Package, platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return index, nil
}

// compile returns the program. The flags are those of the Dockerfile: without paths and without the state of a git checkout, so that
// where it is built does not matter.
func compile(ctx context.Context, spec Spec, platform v1.Platform) (program []byte, err error) {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, spec.name())
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", // #nosec G204 -- the caller's own program
		"-ldflags", "-s -w -X main.version="+spec.Version, "-o", out, spec.Package)
	cmd.Dir = spec.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	return os.ReadFile(out) // #nosec G304 -- just written
}

// assemble puts the program into an image. Nothing else is in it: no shell and no users file, which nothing here needs, and no CA
// certificates, because the only TLS server that the sidecar ever calls is the API server, whose CA comes with its token in the pod
// (or in a kubeconfig). Times are zero, as everything that would make two builds differ.
func assemble(spec Spec, platform v1.Platform, program []byte) (v1.Image, error) {
	files, err := archive(spec.name(), program)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	config := v1.Config{
		User:       User,
		Entrypoint: []string{"/" + spec.name()},
		Cmd:        spec.Args,
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":   spec.name(),
			"org.opencontainers.image.version": spec.Version,
		},
	}
	if spec.Port != "" {
		config.ExposedPorts = map[string]struct{}{spec.Port: {}}
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Config: config, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{
		CreatedBy: "COPY " + spec.name() + " /" + spec.name(),
	}})
}

// archive is a tar file with that one program.
func archive(name string, program []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg}); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // it writes the end, without which the archive is cut short
		return nil, err
	}
	return out.Bytes(), nil
}

// ParsePlatforms reads a list such as linux/amd64,linux/arm64.
func ParsePlatforms(list string) (platforms []v1.Platform, err error) {
	for item := range strings.SplitSeq(list, ",") {
		platform, err := v1.ParsePlatform(item)
		if err != nil {
			return nil, fmt.Errorf("reading platform %q: %w", item, err)
		}
		platforms = append(platforms, *platform)
	}
	return platforms, nil
}
