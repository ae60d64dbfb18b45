package readme_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/markdown"
)

const root = "../.."

// blocks returns README.md's blocks. One that is not closed fails the test.
func blocks(t *testing.T) []markdown.Block {
	t.Helper()
	all, err := markdown.Blocks(read(t, "README.md"))
	if err != nil || len(all) == 0 {
		t.Fatalf("got %d blocks and error %v", len(all), err)
	}
	return all
}

// ofKind returns the blocks of these languages.
func ofKind(t *testing.T, languages ...string) (some []markdown.Block) {
	t.Helper()
	for _, b := range blocks(t) {
		if slices.Contains(languages, b.Language) {
			some = append(some, b)
		}
	}
	if len(some) == 0 {
		t.Fatalf("README.md has no block of %v", languages)
	}
	return some
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path)) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// chapter returns the text below a heading of README.md, up to the next one of its level.
func chapter(t *testing.T, heading string) string {
	t.Helper()
	text, found := markdown.Chapter(read(t, "README.md"), heading)
	if !found {
		t.Fatalf("README.md has no %q", heading)
	}
	return text
}

// rows returns the rows of the tables in a text, by columns. A | in a cell is written \|.
func rows(text string) (all [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := regexp.MustCompile(`[^\\]\|`).Split(strings.Trim(line, "|")+" |", -1)
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), `\|`, "|")
		}
		all = append(all, cells[:len(cells)-1])
	}
	return all
}

// Every kind of block has a test that looks at it.
func TestEveryBlockIsOfAKnownKind(t *testing.T) {
	known := map[string]string{
		"sh": "TestCommandsRun", "console": "TestCommandsRun", "yaml": "TestYAMLIsWhatItSays", "go": "TestGoIsTestedCode",
		"json": "TestJSONParses", "promql": "TestPromQLParses", "text": "a picture",
	}
	for _, b := range blocks(t) {
		if known[b.Language] == "" {
			t.Errorf("%s: nothing here checks a block of kind %q", b.Name(), b.Language)
		}
	}
	if pictures := len(ofKind(t, "text")); pictures != 1 {
		t.Errorf("got %d blocks of kind text, want one picture: what is code says so", pictures)
	}
}
