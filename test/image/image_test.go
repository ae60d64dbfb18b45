package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/image"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const root = "../.."

// sidecar is the image of the sidecar as `make image` builds it, for the platforms that are asked for.
func sidecar(platforms string) image.Spec {
	return image.Spec{Dir: root, Package: "./cmd/refresh-sidecar", Version: "1.2.3", Port: "8095/tcp", Platforms: parse(platforms)}
}

// pause is an image that takes less time.
func pause(platforms string) image.Spec {
	return image.Spec{Dir: "..", Package: "./node/pause", Version: "1.2.3", Platforms: parse(platforms)}
}

func parse(platforms string) []v1.Platform {
	list, err := image.ParsePlatforms(platforms)
	if err != nil {
		panic(err)
	}
	return list
}

func build(t *testing.T, spec image.Spec) v1.ImageIndex {
	t.Helper()
	index, err := image.Build(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// only returns the one image of an index, and its configuration.
func only(t *testing.T, index v1.ImageIndex) (v1.Image, *v1.ConfigFile) {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("got %+v, %v, want one image", manifest, err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return img, config
}

// contents returns the files of an image by name.
func contents(t *testing.T, img v1.Image) map[string][]byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("got %d layers, %v, want one", len(layers), err)
	}
	uncompressed, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(uncompressed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = data
	}
	if err := uncompressed.Close(); err != nil {
		t.Error(err)
	}
	return files
}

// baseline is the sidecar's image; linking it again for each test would take most of the time.
var baseline = sync.OnceValues(func() (v1.ImageIndex, error) {
	return image.Build(context.Background(), sidecar("linux/amd64"))
})

func archive(t *testing.T, index v1.ImageIndex) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := image.Write(&out, "alert-history/refresh-sidecar:1.2.3", index); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheSameSourcesGiveTheSameArchiveWhereverTheyAre(t *testing.T) {
	here, err := baseline()
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	for _, part := range []string{"go.mod", "go.sum", "cmd", "internal", "pkg"} { // what .dockerignore lets through
		if out, err := exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(root, part), copied).CombinedOutput(); err != nil { // #nosec G204 -- our own
			t.Fatalf("%v\n%s", err, out)
		}
	}
	spec := sidecar("linux/amd64")
	spec.Dir = copied
	if !bytes.Equal(archive(t, here), archive(t, build(t, spec))) {
		t.Error("two builds of the same sources differ")
	}
}

func TestAnotherVersionIsAnotherImage(t *testing.T) {
	spec := pause("linux/amd64")
	first := archive(t, build(t, spec))
	spec.Version = "1.2.4"
	if bytes.Equal(first, archive(t, build(t, spec))) {
		t.Error("another version gives the same archive")
	}
}

func TestTheArchiveHoldsAValidImageForEachPlatform(t *testing.T) {
	index := build(t, pause("linux/amd64,linux/arm64"))
	var out bytes.Buffer
	if err := image.Write(&out, "example/pause:1", index); err != nil {
		t.Fatal(err)
	}
	path := unpack(t, &out)
	outer, err := layout.ImageIndexFromPath(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(outer); err != nil {
		t.Error(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("got %+v, %v, want one image", manifest, err)
	}
	want := map[string]string{"org.opencontainers.image.ref.name": "1", "io.containerd.image.name": "docker.io/example/pause:1"}
	if diff := cmp.Diff(want, manifest.Manifests[0].Annotations); diff != "" {
		t.Error(diff)
	}
	inner, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	images, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range images.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("got %v, want %v", platforms, want)
	}
}

// unpack unpacks an archive and returns where.
func unpack(t *testing.T, archive io.Reader) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tar", "x")
	cmd.Dir, cmd.Stdin = t.TempDir(), archive
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cmd.Dir
}

func TestTheDockerfileMakesTheSameImage(t *testing.T) {
	docker := readDockerfile(t, root+"/Dockerfile")
	index, err := baseline()
	if err != nil {
		t.Fatal(err)
	}
	img, config := only(t, index)
	got := map[string]string{
		"USER": config.Config.User, "WORKDIR": config.Config.WorkingDir, "EXPOSE": strings.Join(slices.Collect(maps.Keys(config.Config.ExposedPorts)), " "),
		"ENTRYPOINT": fmt.Sprintf("%q", config.Config.Entrypoint), "CMD": strings.Join(config.Config.Cmd, " "),
		"LABEL": fmt.Sprintf("org.opencontainers.image.title=%s org.opencontainers.image.version=%s",
			config.Config.Labels["org.opencontainers.image.title"], config.Config.Labels["org.opencontainers.image.version"]),
		"COPY": "--from=build /refresh-sidecar /refresh-sidecar", "ARG": "VERSION=devel", "FROM": "scratch",
	}
	for instruction, ours := range got {
		if theirs := strings.ReplaceAll(docker.image[instruction], "$VERSION", "1.2.3"); theirs != ours {
			t.Errorf("%s: the Dockerfile has %q, the archive %q", instruction, theirs, ours)
		}
	}
	for instruction := range docker.image {
		if _, ok := got[instruction]; !ok {
			t.Errorf("the Dockerfile has an instruction that the archive does not know: %s", instruction)
		}
	}

	// The program is what the Dockerfile's own command builds.
	out := filepath.Join(t.TempDir(), "refresh-sidecar")
	command := strings.Replace(docker.compile, "-o /refresh-sidecar", "-o "+out, 1)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command) // #nosec G204 -- the Dockerfile's own command
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH=amd64", "VERSION=1.2.3")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	program, err := os.ReadFile(out) // #nosec G304 -- just written
	if err != nil {
		t.Fatal(err)
	}
	files := contents(t, img)
	if len(files) != 1 || sha256.Sum256(files["refresh-sidecar"]) != sha256.Sum256(program) {
		t.Errorf("the archive has %d files, and its program is not what the Dockerfile builds", len(files))
	}
}

func TestAnImageThatCannotBeBuiltSaysWhy(t *testing.T) {
	spec := sidecar("linux/amd64")
	spec.Package = "./cmd/nothing"
	if _, err := image.Build(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "./cmd/nothing for linux/amd64") {
		t.Errorf("got %v", err)
	}
	if err := image.Write(io.Discard, "Not A Name", nil); err == nil {
		t.Error("a name that is none is accepted")
	}
}
