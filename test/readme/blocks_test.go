package readme_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// block is one fenced block, without the indentation that a list gives it.
type block struct {
	language string
	line     int    // of the opening fence
	before   string // the line before it
	text     string
}

// name is for subtests and messages.
func (b block) name() string { return fmt.Sprintf("line %d", b.line) }

var fence = regexp.MustCompile("^( *)```(.*)$")

// blocks returns README.md's blocks. One that is not closed fails the test.
func blocks(t *testing.T) (all []block) {
	t.Helper()
	var open *block
	var indent, last string
	for i, line := range strings.Split(read(t, "README.md"), "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case mark != nil && open == nil:
			open, indent = &block{language: mark[2], line: i + 1, before: last}, mark[1]
		case mark != nil:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
		last = line
	}
	if open != nil || len(all) == 0 {
		t.Fatalf("%d blocks are closed, and one that is not: %v", len(all), open)
	}
	return all
}

// ofKind returns the blocks of these languages.
func ofKind(t *testing.T, languages ...string) (some []block) {
	t.Helper()
	for _, b := range blocks(t) {
		if slices.Contains(languages, b.language) {
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
	_, text, found := strings.Cut(read(t, "README.md"), "\n"+heading+"\n")
	if !found {
		t.Fatalf("README.md has no %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	text, _, _ = strings.Cut(text, "\n"+level+" ")
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
		if known[b.language] == "" {
			t.Errorf("%s: nothing here checks a block of kind %q", b.name(), b.language)
		}
	}
	if pictures := len(ofKind(t, "text")); pictures != 1 {
		t.Errorf("got %d blocks of kind text, want one picture: what is code says so", pictures)
	}
}
