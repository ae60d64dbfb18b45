package integration_test

import (
	"encoding/json"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const example = root + "/examples/integration"

// fewLines is how much code of an app's own its integration may take.
const fewLines = 40

// Lines by hand are those of targets.go, and those that a main with a stub in the place of its targets has not.
func TestLinesByHand(t *testing.T) {
	added := code(t, example+"/app.go")
	for _, line := range code(t, "testdata/stubbed/app.go") {
		if i := slices.Index(added, line); i >= 0 {
			added = slices.Delete(added, i, i+1)
		}
	}
	own := code(t, example+"/targets.go")
	t.Logf("lines by hand: %d in targets.go, %d in app.go", len(own), len(added))
	if total := len(own) + len(added); total > fewLines {
		t.Errorf("got %d lines by hand, want at most %d", total, fewLines)
	}
}

// code returns a file's lines of code, without indentation: not its package clause and imports, blank lines and comments.
func code(t *testing.T, path string) (lines []string) {
	t.Helper()
	source, err := os.ReadFile(path) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	head, err := parser.ParseFile(files, path, source, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Split(string(source), "\n")
	file := files.AddFile(path, -1, len(source))
	var scan scanner.Scanner
	scan.Init(file, source, nil, 0)
	last := files.Position(head.Decls[len(head.Decls)-1].End()).Line
	for {
		at, kind, _ := scan.Scan()
		if kind == token.EOF {
			return lines
		}
		if line := file.Line(at); line > last {
			lines = append(lines, strings.TrimSpace(text[line-1]))
			last = line
		}
	}
}

// The main with a stub is a program: what is counted is the difference of two that compile.
func TestTheStubbedAppCompiles(t *testing.T) {
	absolute := func(path string) string {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		absolute(example + "/app.go"):     absolute("testdata/stubbed/app.go"),
		absolute(example + "/targets.go"): absolute("testdata/stubbed/stub.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "-o", os.DevNull, "./examples/integration") // #nosec G204 -- our own arguments
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
