package release_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

// dockerfile is what the Dockerfile says.
type dockerfile struct {
	compile string              // the command that builds the program
	image   map[string][]string // the instructions of the last stage
}

func readDockerfile(t *testing.T, path string) (d dockerfile) {
	t.Helper()
	data, err := os.ReadFile(path) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case instruction == "" || instruction == "#":
			continue
		case instruction == "FROM" || d.image == nil:
			d.image = map[string][]string{}
		case instruction == "RUN" && strings.Contains(rest, "go build"):
			d.compile = rest
		}
		d.image[instruction] = append(d.image[instruction], rest)
	}
	if d.compile == "" {
		t.Fatal("the Dockerfile builds no program")
	}
	return d
}

// labels are what the last stage says of the image, and their arguments' defaults.
func (d dockerfile) labels() map[string]string {
	labels := map[string]string{}
	for _, label := range d.image["LABEL"] {
		name, value, _ := strings.Cut(label, "=")
		for _, arg := range d.image["ARG"] {
			arg, standard, _ := strings.Cut(arg, "=")
			if value == "$"+arg {
				value = standard
			}
		}
		labels[name] = value
	}
	return labels
}

// files are what the last stage copies from the repository.
func (d dockerfile) files(t *testing.T) (files []bundle.File) {
	t.Helper()
	for _, instruction := range d.image["COPY"] {
		arguments := strings.Fields(instruction)
		if strings.HasPrefix(arguments[0], "--from=build") { // the program
			continue
		}
		directory := strings.TrimPrefix(arguments[len(arguments)-1], "/")
		files = append(files, bundle.File{Name: directory, Mode: 0o755, Content: []byte{}})
		for _, name := range arguments[:len(arguments)-1] {
			content, err := os.ReadFile(filepath.Join(root, name)) // #nosec G304 -- a file of this repository
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, bundle.File{Name: path.Join(directory, name), Mode: 0o644, Content: content})
		}
	}
	return files
}

func TestTheDockerfileMakesTheSameImage(t *testing.T) {
	docker := readDockerfile(t, root+"/Dockerfile")
	img, config := imageOf(t, "amd64")
	for instruction, want := range map[string]string{
		"FROM": "scratch", "USER": config.Config.User, "WORKDIR": config.Config.WorkingDir,
		"EXPOSE":     strings.Join(slices.Collect(maps.Keys(config.Config.ExposedPorts)), " "),
		"ENTRYPOINT": fmt.Sprintf("%q", config.Config.Entrypoint), "CMD": strings.Join(config.Config.Cmd, " "),
	} {
		if got := strings.Join(docker.image[instruction], " "); got != want {
			t.Errorf("%s: the Dockerfile has %q, the archive %q", instruction, got, want)
		}
		delete(docker.image, instruction)
	}
	labels := config.Config.Labels
	for name, standard := range map[string]string{"version": "devel", "revision": "unknown", "created": "1970-01-01T00:00:00Z"} {
		labels["org.opencontainers.image."+name] = standard // where no argument says otherwise
	}
	if diff := cmp.Diff(labels, docker.labels()); diff != "" {
		t.Errorf("labels (-archive +Dockerfile):\n%s", diff)
	}
	files := contents(t, img)
	if diff := cmp.Diff(files[1:], docker.files(t)); diff != "" {
		t.Errorf("beside the program (-archive +Dockerfile):\n%s", diff)
	}
	for instruction := range docker.image {
		if !slices.Contains([]string{"ARG", "LABEL", "COPY"}, instruction) {
			t.Errorf("the Dockerfile has an instruction that the archive does not know: %s", instruction)
		}
	}

	// The program is what the Dockerfile's own command builds.
	out := filepath.Join(t.TempDir(), "refresh-sidecar")
	command := strings.Replace(docker.compile, "-o /refresh-sidecar", "-o "+out, 1)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command) // #nosec G204 -- the Dockerfile's own command
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH=amd64", "VERSION="+version)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	program, err := os.ReadFile(out) // #nosec G304 -- just written
	if err != nil {
		t.Fatal(err)
	}
	if files[0].Name != "refresh-sidecar" || !bytes.Equal(files[0].Content, program) {
		t.Error("the archive's program is not what the Dockerfile builds")
	}
}
