// Package image builds container images FROM scratch with one static Go program in each, without a container engine and without a
// registry: cross-compiled, put into an OCI archive that `docker load`, `podman load`, `ctr images import` and `skopeo copy` read.
//
// The same sources, Go version and [Spec] give the same digest, on any machine. The repository's Dockerfile makes the same image of the
// sidecar where there is an engine: same program bit for bit, same configuration. Its digest is another one, because an engine
// compresses and dates its layers in its own way.
package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
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

	Files   []bundle.File     // what the image holds beside the program
	Labels  map[string]string // what the image says of itself beside title and version: OCI's names of annotations
	Created time.Time         // when, as the image says; zero: the year 1
}

// name is that of the program in the root directory.
func (s Spec) name() string { return path.Base(s.Package) }

// labels is what the image says of itself, in its configuration for engines and in annotations for registries.
func (s Spec) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":   s.name(),
		"org.opencontainers.image.version": s.Version,
	}
	maps.Copy(labels, s.Labels)
	return labels
}

// Program is the program of an image.
type Program struct {
	Platform v1.Platform
	Content  []byte
}

// Build compiles the program for each platform and returns the index of the images.
func Build(ctx context.Context, spec Spec) (v1.ImageIndex, error) {
	programs, err := Compile(ctx, spec)
	if err != nil {
		return nil, err
	}
	return Assemble(spec, programs)
}

// Compile compiles the program for each platform.
func Compile(ctx context.Context, spec Spec) (programs []Program, err error) {
	for _, platform := range spec.Platforms {
		content, err := compile(ctx, spec, platform)
		if err != nil {
			return nil, fmt.Errorf("building %s for %s: %w", spec.Package, platform, err)
		}
		programs = append(programs, Program{platform, content})
	}
	return programs, nil
}

// Assemble puts each program into an image, and returns the index of the images.
func Assemble(spec Spec, programs []Program) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, program := range programs {
		image, err := assemble(spec, program)
		if err != nil {
			return nil, fmt.Errorf("assembling the image of %s for %s: %w", spec.Package, program.Platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &program.Platform}})
	}
	return mutate.Annotations(index, spec.labels()).(v1.ImageIndex), nil
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
	cmd.Env = append(os.Environ(), Environment(platform)...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	return os.ReadFile(out) // #nosec G304 -- just written
}

// Environment says for which machines Go compiles, whatever its user has set: every amd64 and every arm64, as far as the platform goes. An
// empty variable would leave the word to `go env -w`.
func Environment(platform v1.Platform) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=" + platform.OS, "GOARCH=" + platform.Architecture,
		"GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOFLAGS=-mod=readonly",
	}
}

// assemble puts the program into an image. Nothing else runs in it: no shell and no users file, which nothing here needs, and no CA
// certificates, because the only TLS server that the sidecar ever calls is the API server, whose CA comes with its token in the pod
// (or in a kubeconfig). Times of files are zero, so that an unchanged program is an unchanged layer.
func assemble(spec Spec, program Program) (v1.Image, error) {
	var files bytes.Buffer
	contents := append([]bundle.File{{Name: spec.name(), Mode: 0o755, Content: program.Content}}, spec.Files...)
	if err := bundle.Write(&files, time.Time{}, contents); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files.Bytes())), nil },
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
		Labels:     spec.labels(),
	}
	if spec.Port != "" {
		config.ExposedPorts = map[string]struct{}{spec.Port: {}}
	}
	created := v1.Time{Time: spec.Created}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: program.Platform.OS, Architecture: program.Platform.Architecture, Config: config, Created: created, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{
		Created: created, CreatedBy: "COPY " + spec.name() + " /" + spec.name(),
	}})
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(image, spec.labels()).(v1.Image), nil
}

// Files returns what an image for one platform holds, which is one layer.
func Files(image v1.Image) ([]bundle.File, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != 1 {
		return nil, fmt.Errorf("the image has %d layers, not one", len(layers))
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		return nil, err
	}
	files, err := bundle.Read(content)
	return files, errors.Join(err, content.Close())
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
