// Package reader_test looks at pkg/targetsfile as the app that imports it does.
package reader_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnAppKeepsItsOlderClientGo pins why the reader is a module of its own: an app on client-go v0.34 that imports it stays there.
func TestAnAppKeepsItsOlderClientGo(t *testing.T) {
	app := newModule(t, "\tk8s.io/client-go v0.34.0", map[string]string{"main.go": `package main

import (
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"k8s.io/client-go/rest"
)

var (
	_ rest.Config
	_ targetsfile.Target
)

func main() {}
`})
	app.goCommand("build", "./...")
	if got := strings.TrimSpace(app.goCommand("list", "-m", "-f", "{{.Version}}", "k8s.io/client-go")); got != "v0.34.0" {
		t.Errorf("got client-go %s, want v0.34.0", got)
	}
	for line := range strings.Lines(app.goCommand("list", "-m", "-f", "{{.Path}} {{.Version}}", "all")) {
		if strings.HasPrefix(line, "k8s.io/") && strings.Contains(line, " v0.37") {
			t.Errorf("the reader raised %s", line)
		}
	}
	mod, err := os.ReadFile(filepath.Join(app.dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "\ngo 1.24.0\n") {
		t.Errorf("the reader raised the Go version:\n%s", mod)
	}
}

// TestOtherSystems pins that an app's developers can build it on their own machines.
func TestOtherSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it compiles for three systems")
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			for _, command := range []string{"build", "vet"} {
				goCommand(t, readerDir(t), []string{"GOOS=" + system, "CGO_ENABLED=0"}, command, "./...")
			}
		})
	}
}
