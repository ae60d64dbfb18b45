package integration_test

import (
	"os"
	"regexp"
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

// The difference that docs/integration.md shows is the one between the two mains.
func TestTheGuidesDifference(t *testing.T) {
	blocks, err := markdown.Blocks(read(t, root+"/docs/integration.md"))
	if err != nil {
		t.Fatal(err)
	}
	differences := 0
	for _, b := range blocks {
		if b.Language == "diff" {
			differences++
			expectFunction(t, "testdata/stubbed/app.go", without(b.Text, "+"))
			expectFunction(t, example+"/app.go", without(b.Text, "-"))
		}
	}
	if differences != 1 {
		t.Errorf("got %d differences, want 1", differences)
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
