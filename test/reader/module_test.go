package reader_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module is a Go module of its own, as an app is, that imports the reader from this repository.
type module struct {
	t   *testing.T
	dir string
}

// newModule makes a module with these requirements and files.
func newModule(t *testing.T, requirements string, files map[string]string) *module {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it resolves modules")
	}
	m := &module{t: t, dir: t.TempDir()}
	m.write("go.mod", `module example.com/app

go 1.24.0

require (
`+requirements+`
)

replace (
	github.com/alert-history/refresh-sidecar/pkg/targetsfile => `+readerDir(t)+`
	github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom => `+filepath.Join(readerDir(t), "prom")+`
)
`)
	for name, content := range files {
		m.write(name, content)
	}
	m.goCommand("mod", "tidy")
	return m
}

func (m *module) write(name, content string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// versions returns the modules that the module's build is made of.
func (m *module) versions() map[string]string {
	m.t.Helper()
	versions := map[string]string{}
	for line := range strings.Lines(m.goCommand("list", "-m", "-f", "{{.Path}} {{.Version}}", "all")) {
		if path, version, _ := strings.Cut(strings.TrimSpace(line), " "); version != "" { // the module itself has none
			versions[path] = version
		}
	}
	return versions
}

// goCommand runs the go command in the module and returns what it prints.
func (m *module) goCommand(args ...string) string {
	m.t.Helper()
	return goCommand(m.t, m.dir, []string{"GOFLAGS=-mod=mod"}, args...)
}

func goCommand(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...) // #nosec G204 -- our own arguments
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// readerDir returns where the reader's module is.
func readerDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../pkg/targetsfile")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
