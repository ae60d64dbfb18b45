package readme_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/markdown"
)

// tested returns the code that the manual may show: examples that are compiled, and run by tests.
func tested(t *testing.T) map[string]string {
	t.Helper()
	code := make(map[string]string)
	for _, dir := range []string{"examples", "pkg/targetsfile", "test/integration"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || dir == "pkg/targetsfile" && !strings.HasSuffix(entry.Name(), "example_test.go") {
				return err
			}
			data, err := os.ReadFile(path) // #nosec G304,G122 -- a path of this repository
			code[path] = markdown.Code(string(data))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return code
}

// What the manual shows of Go stands, line by line, in an example that compiles and has a test.
func TestGoIsTestedCode(t *testing.T) {
	code := tested(t)
	for _, b := range ofKind(t, "go") {
		found := false
		for _, text := range code {
			found = found || strings.Contains(text, markdown.Code(b.Text))
		}
		if !found {
			t.Errorf("%s: no example has these lines:\n%s", b.Name(), b.Text)
		}
	}
}

func TestJSONParses(t *testing.T) {
	for _, b := range ofKind(t, "json") {
		decoder := json.NewDecoder(strings.NewReader(b.Text))
		values := 0
		for ; ; values++ {
			var value map[string]any
			err := decoder.Decode(&value)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", b.Name(), err)
				break
			}
		}
		if values == 0 {
			t.Errorf("%s holds no object", b.Name())
		}
	}
}
