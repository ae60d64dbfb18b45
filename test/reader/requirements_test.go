// Package reader_test looks at pkg/targetsfile as the app that imports it does.
package reader_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	readerPath = "github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	promPath   = readerPath + "/prom"
)

// TestAnAppKeepsItsVersions pins why the reader is a module of its own, and its Prometheus collector another: an app that imports them
// stays on what it has, but for fsnotify and what that needs.
func TestAnAppKeepsItsVersions(t *testing.T) {
	t.Parallel()
	brought := map[string]bool{
		readerPath: true, promPath: true, "github.com/fsnotify/fsnotify": true, "golang.org/x/sys": true,
	}
	const clientGolang = "\tgithub.com/prometheus/client_golang v1.17.0\n\tgoogle.golang.org/protobuf v1.31.0\n"
	for _, test := range []struct {
		name, requirements string
		uses, imports      []string
		keeps              map[string]string
	}{
		{"an older client-go", "\tk8s.io/client-go v0.34.0\n", []string{"k8s.io/client-go/rest"}, []string{readerPath},
			map[string]string{"k8s.io/client-go": "v0.34.0"}},
		{"an older client_golang", clientGolang,
			[]string{"github.com/prometheus/client_golang/prometheus", "google.golang.org/protobuf/proto"}, []string{readerPath},
			map[string]string{"github.com/prometheus/client_golang": "v1.17.0", "google.golang.org/protobuf": "v1.31.0"}},
		{"an older client_golang, and the collector", clientGolang,
			[]string{"github.com/prometheus/client_golang/prometheus", "google.golang.org/protobuf/proto"}, []string{readerPath, promPath},
			map[string]string{"github.com/prometheus/client_golang": "v1.17.0", "google.golang.org/protobuf": "v1.31.0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := newModule(t, test.requirements, map[string]string{"main.go": program(test.uses)}).versions()
			app := newModule(t, test.requirements, map[string]string{"main.go": program(append(test.uses, test.imports...))})
			app.goCommand("build", "./...")
			after := app.versions()
			for path, version := range before {
				if after[path] != version && !brought[path] {
					t.Errorf("the reader moved %s from %s to %s", path, version, after[path])
				}
			}
			for path, version := range after {
				if before[path] == "" && !brought[path] {
					t.Errorf("the reader brought %s %s", path, version)
				}
			}
			for path, want := range test.keeps {
				if after[path] != want {
					t.Errorf("got %s %s, want %s", path, after[path], want)
				}
			}
			mod, err := os.ReadFile(filepath.Join(app.dir, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(mod), "\ngo 1.24.0\n") {
				t.Errorf("the reader raised the Go version:\n%s", mod)
			}
		})
	}
}

// program imports packages and does nothing.
func program(imports []string) string {
	text := "package main\n\nimport (\n"
	for _, path := range imports {
		text += fmt.Sprintf("\t_ %q\n", path)
	}
	return text + ")\n\nfunc main() {}\n"
}

// newestGo is the newest Go that the product is known to work with. An app is built with the Go of its authors, whatever the reader's go.mod
// names, and the sidecar with that of whoever builds an image.
const newestGo = "1.27.2"

// TestOldestAndNewestGo runs the reader's tests with the oldest Go that its go.mod names and with the newest, and with that those of the
// sidecar's packages that read and write what a Secret holds.
func TestOldestAndNewestGo(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it downloads toolchains and runs the product's tests once more")
	}
	t.Parallel()
	reader := readerDir(t)
	prom, sidecar := filepath.Join(reader, "prom"), filepath.Join(reader, "../..")
	for _, name := range []string{"README.md", "pkg/targetsfile/README.md", "docs/compatibility.md"} {
		text, err := os.ReadFile(filepath.Join(sidecar, name)) // #nosec G304 -- a file of the repository
		if err != nil || !strings.Contains(string(text), newestGo) {
			t.Errorf("%s does not name Go %s, or cannot be read: %v", name, newestGo, err)
		}
	}
	all := []string{"./..."}
	for _, test := range []struct {
		name, dir, version string
		packages           []string
	}{
		{"oldest, reader", reader, goDirective(t, reader), all},
		{"oldest, collector", prom, goDirective(t, prom), all},
		{"newest, reader", reader, newestGo, all},
		{"newest, collector", prom, newestGo, all},
		{"newest, sidecar", sidecar, newestGo, []string{"./internal/secret", "./internal/manifests", "./internal/writer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := []string{"GOTOOLCHAIN=go" + test.version, "GOFLAGS="}
			if !hasToolchain(t, env) {
				t.Skipf("skipped: the toolchain of go %s cannot be downloaded", test.version)
			}
			if got := goCommand(t, test.dir, env, "env", "GOVERSION"); got != "go"+test.version+"\n" {
				t.Errorf("got %s, want go%s", got, test.version)
			}
			goCommand(t, test.dir, env, append([]string{"test", "-vet=off"}, test.packages...)...)
		})
	}
}

func goDirective(t *testing.T, dir string) string {
	t.Helper()
	return strings.TrimSpace(goCommand(t, dir, []string{"GOFLAGS="}, "list", "-m", "-f", "{{.GoVersion}}"))
}

func hasToolchain(t *testing.T, env []string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "version")
	cmd.Env = append(os.Environ(), env...)
	return cmd.Run() == nil
}

// TestOtherSystems pins that an app's developers can build it on their own machines.
func TestOtherSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it compiles for three systems")
	}
	t.Parallel()
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			for _, command := range []string{"build", "vet"} {
				goCommand(t, readerDir(t), []string{"GOOS=" + system, "CGO_ENABLED=0"}, command, "./...")
			}
		})
	}
}
