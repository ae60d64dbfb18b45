// Package report reads which tests a document names, finds them in the repository, and runs exactly those.
//
// Not promised: that a test shows what the document says it shows. That is for readers.
package report

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Function is a test, benchmark, fuzz test or example of the repository.
type Function struct {
	Name string
	Dir  string // of its package, from the repository's root
}

// Benchmark reports whether it is run with -bench.
func (f Function) Benchmark() bool { return strings.HasPrefix(f.Name, "Benchmark") }

var named = regexp.MustCompile("`((?:Test|Benchmark|Fuzz|Example)[A-Z_][A-Za-z0-9_]*)")

// Named returns the names of tests that stand in backticks in a text, each once.
func Named(text string) []string {
	var names []string
	for _, match := range named.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Functions returns all tests, benchmarks, fuzz tests and examples below root.
func Functions(root string) (all []Function, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		names, err := declared(path)
		for _, name := range names {
			all = append(all, Function{name, dir})
		}
		return err
	})
	return all, err
}

// declared returns the functions that go test would run of a file.
func declared(path string) (names []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading the tests of %s: %w", path, err)
	}
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if ok && f.Recv == nil && len(Named("`"+f.Name.Name)) == 1 && f.Name.Name != "TestMain" {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// Find returns the functions of these names, and the names that no function has. A name that several packages have stands for all of them.
func Find(all []Function, names []string) (found []Function, missing []string) {
	for _, name := range names {
		count := len(found)
		for _, f := range all {
			if f.Name == name {
				found = append(found, f)
			}
		}
		if len(found) == count {
			missing = append(missing, name)
		}
	}
	return found, missing
}
