package image_test

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/image"
	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pause is the image of a small program.
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

func contents(t *testing.T, img v1.Image) []bundle.File {
	t.Helper()
	files, err := image.Files(img)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func archive(t *testing.T, index v1.ImageIndex) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := image.Write(&out, "example/pause:1", index); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
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

func TestAnImageSaysWhereItComesFrom(t *testing.T) {
	spec := pause("linux/amd64")
	spec.Files = []bundle.File{{Name: "licenses/", Mode: 0o755, Content: []byte{}}, {Name: "licenses/LICENSE", Mode: 0o644, Content: []byte("MIT")}}
	spec.Labels = map[string]string{"org.opencontainers.image.revision": "0123abc"}
	spec.Created = time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)
	index := build(t, spec)
	img, config := only(t, index)
	inIndex, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inImage, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"org.opencontainers.image.title": "pause", "org.opencontainers.image.version": "1.2.3", "org.opencontainers.image.revision": "0123abc",
	}
	for place, got := range map[string]map[string]string{
		"the index": inIndex.Annotations, "the manifest": inImage.Annotations, "the configuration": config.Config.Labels,
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
	}
	if !config.Created.Equal(spec.Created) || !config.History[0].Created.Equal(spec.Created) {
		t.Errorf("got an image of %v and a layer of %v, want %v", config.Created, config.History[0].Created, spec.Created)
	}
	if diff := cmp.Diff(spec.Files, contents(t, img)[1:]); diff != "" {
		t.Errorf("beside the program (-want +got):\n%s", diff)
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

func TestAnImageThatCannotBeBuiltSaysWhy(t *testing.T) {
	spec := pause("linux/amd64")
	spec.Package = "./node/nothing"
	if _, err := image.Build(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "./node/nothing for linux/amd64") {
		t.Errorf("got %v", err)
	}
	if err := image.Write(io.Discard, "Not A Name", nil); err == nil {
		t.Error("a name that is none is accepted")
	}
}
