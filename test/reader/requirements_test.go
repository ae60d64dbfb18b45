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

// TestAnAppKeepsItsOlderClientGo pins why the reader is a module of its own: an app on client-go v0.34 that imports it stays there.
func TestAnAppKeepsItsOlderClientGo(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it resolves modules")
	}
	reader, err := filepath.Abs("../../pkg/targetsfile")
	if err != nil {
		t.Fatal(err)
	}
	app := t.TempDir()
	files := map[string]string{
		"go.mod": fmt.Sprintf(`module example.com/app

go 1.24.0

require (
	github.com/alert-history/refresh-sidecar/pkg/targetsfile v0.0.0
	k8s.io/client-go v0.34.0
)

replace github.com/alert-history/refresh-sidecar/pkg/targetsfile => %s
`, reader),
		"main.go": `package main

import (
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"k8s.io/client-go/rest"
)

var (
	_ rest.Config
	_ targetsfile.Target
)

func main() {}
`,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(app, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goCommand := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...) // #nosec G204 -- our own arguments
		cmd.Dir = app
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	goCommand("mod", "tidy")
	goCommand("build", "./...")
	if got := strings.TrimSpace(goCommand("list", "-m", "-f", "{{.Version}}", "k8s.io/client-go")); got != "v0.34.0" {
		t.Errorf("got client-go %s, want v0.34.0", got)
	}
	for line := range strings.Lines(goCommand("list", "-m", "-f", "{{.Path}} {{.Version}}", "all")) {
		if strings.HasPrefix(line, "k8s.io/") && strings.Contains(line, " v0.37") {
			t.Errorf("the reader raised %s", line)
		}
	}
	mod, err := os.ReadFile(filepath.Join(app, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "\ngo 1.24.0\n") {
		t.Errorf("the reader raised the Go version:\n%s", mod)
	}
}
