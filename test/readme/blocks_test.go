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

// manual is the documents whose blocks are all run or parsed, in the order in which their commands run.
func manual() []string {
	return []string{"README.md", "docs/http.md", "docs/messages.md", "docs/runbooks.md", "pkg/targetsfile/README.md", "docs/integration.md"}
}

// block is a block of one of the manual's documents.
type block struct {
	markdown.Block
	document string
}

// Name is for subtests and messages.
func (b block) Name() string { return b.document + " " + b.Block.Name() }

// blocks returns the manual's blocks. One that is not closed, or a document without any, fails the test.
func blocks(t *testing.T) (all []block) {
	t.Helper()
	for _, document := range manual() {
		some, err := markdown.Blocks(read(t, document))
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: got %d blocks and error %v", document, len(some), err)
		}
		for _, b := range some {
			all = append(all, block{b, document})
		}
	}
	return all
}

// ofKind returns the blocks of these languages.
func ofKind(t *testing.T, languages ...string) (some []block) {
	t.Helper()
	for _, b := range blocks(t) {
		if slices.Contains(languages, b.Language) {
			some = append(some, b)
		}
	}
	if len(some) == 0 {
		t.Fatalf("no document has a block of %v", languages)
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

// chapter returns the text below a heading of a document, up to the next one of its level.
func chapter(t *testing.T, document, heading string) string {
	t.Helper()
	text, found := markdown.Chapter(read(t, document), heading)
	if !found {
		t.Fatalf("%s has no %q", document, heading)
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
		"diff": "TestTheGuidesDifference in package integration", "dockerfile": "TestTheGuidesModules in package reader",
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
