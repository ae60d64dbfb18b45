package image_test

import (
	"os"
	"strings"
	"testing"
)

// dockerfile is what the Dockerfile says.
type dockerfile struct {
	compile string            // the command that builds the program
	image   map[string]string // the instructions of the last stage
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
		case instruction == "FROM":
			d.image = map[string]string{"FROM": rest}
		case instruction == "RUN" && strings.Contains(rest, "go build"):
			d.compile = rest
		default:
			d.image[instruction] = rest
		}
	}
	if d.compile == "" {
		t.Fatal("the Dockerfile builds no program")
	}
	return d
}
