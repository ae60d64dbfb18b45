package targetsfile_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What an app imports with this package is the standard library and fsnotify, and fsnotify in one file.
func TestImportsAreTheStandardLibraryAndFsnotify(t *testing.T) {
	files, err := filepath.Glob("*.go")
	check(t, err)
	foreign := []string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		check(t, err)
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			check(t, err)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") || path == "C" {
				foreign = append(foreign, name+": "+path)
			}
		}
	}
	if want := []string{"watch.go: github.com/fsnotify/fsnotify"}; !slices.Equal(foreign, want) {
		t.Errorf("got %v, want %v", foreign, want)
	}
}

// An app gets this module's requirements as minima: each line here is one that may raise an app's version.
func TestRequirementsAreFewAndLow(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	check(t, err)
	var direct []string
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if len(fields) > 0 && fields[0] != "module" {
			direct = append(direct, strings.Join(fields, " "))
		}
	}
	want := []string{"go 1.24.0", "require github.com/fsnotify/fsnotify v1.9.0", "require golang.org/x/sys v0.13.0 // indirect"}
	if !slices.Equal(direct, want) {
		t.Errorf("got %v, want %v", direct, want)
	}
}
