package integration_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/markdown"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What docs/integration.md shows of Go is in code that compiles and has tests, and its difference is the one between the two mains.
func TestTheGuideShowsTestedCode(t *testing.T) {
	blocks, err := markdown.Blocks(read(t, root+"/docs/integration.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := []string{read(t, example+"/targets.go"), read(t, "gorilla_test.go")}
	seen := map[string]int{}
	for _, b := range blocks {
		seen[b.Language]++
		switch b.Language {
		case "go":
			if !slices.ContainsFunc(code, func(text string) bool { return strings.Contains(markdown.Code(text), markdown.Code(b.Text)) }) {
				t.Errorf("%s: no example has these lines:\n%s", b.Name(), b.Text)
			}
		case "diff":
			expectFunction(t, "testdata/stubbed/app.go", without(b.Text, "+"))
			expectFunction(t, example+"/app.go", without(b.Text, "-"))
		case "sh", "dockerfile": // README.md has the first of them, and test/reader runs the others
		default:
			t.Errorf("%s: nothing here checks a block of kind %q", b.Name(), b.Language)
		}
	}
	if seen["go"] < 3 || seen["diff"] != 1 {
		t.Errorf("got blocks %v, want code and one difference", seen)
	}
}

// without returns one side of a difference.
func without(diff, mark string) string {
	var side strings.Builder
	for line := range strings.Lines(diff) {
		if !strings.HasPrefix(line, mark) {
			side.WriteString(line[1:])
		}
	}
	return side.String()
}

// expectFunction expects a file to end with these lines.
func expectFunction(t *testing.T, path, want string) {
	t.Helper()
	if got := markdown.Code(read(t, path)); !strings.HasSuffix(got, markdown.Code(want)) {
		t.Errorf("%s does not end with:\n%s", path, want)
	}
}

// A code that the app's clients are to know by another name is one that the sidecar or package discovery has.
func TestCodesThatAreRenamedExist(t *testing.T) {
	_, table, _ := strings.Cut(read(t, example+"/targets.go"), "ErrorCodes: map[string]string{")
	table, _, _ = strings.Cut(table, "\n\t\t},")
	pairs := regexp.MustCompile(`"(\w+)": "(\w+)"`).FindAllStringSubmatch(table, -1)
	if len(pairs) < 5 {
		t.Fatalf("got %d codes", len(pairs))
	}
	known := read(t, root+"/internal/api/exchange.go") + read(t, root+"/pkg/targetsfile/discovery/handlers.go")
	guide := read(t, root+"/docs/integration.md")
	for _, pair := range pairs {
		if !regexp.MustCompile(`(errorCode|codeUnavailable) = "` + pair[1] + `"`).MatchString(known) {
			t.Errorf("nobody answers with %s", pair[1])
		}
		if !strings.Contains(guide, "`"+pair[2]+"`") {
			t.Errorf("docs/integration.md does not say what becomes %s", pair[2])
		}
	}
}
