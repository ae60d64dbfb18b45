package readme_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test, benchmark, fuzz test and example that a document for people names in backticks is there.
func TestNamedTestsExist(t *testing.T) {
	declared, named := declaredTests(t), 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page) // #nosec G304 -- a path of this repository
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile("`((?:Test|Benchmark|Fuzz|Example)[A-Z_]\\w*)").FindAllStringSubmatch(string(text), -1) {
			named++
			if !declared[match[1]] {
				t.Errorf("%s names %s, which is not there", page, match[1])
			}
		}
	}
	if named < 100 {
		t.Errorf("got %d names", named)
	}
}

// declaredTests returns the names of all of the repository.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path) // #nosec G304 G122 -- a path of this repository
		for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`).FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
