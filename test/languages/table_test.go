package languages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marks stand around the table in docs/readers/README.md.
const (
	tableBegin = "<!-- The table is written by go test ./languages -update in test/. -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// Cells of the table; where a reader does what it may do instead, its cell is that outcome.
const (
	asItMust = "✓"
	notRun   = "not run"
)

// table is what each reader does with each vector.
type table struct {
	vectors []vector

	adding sync.Mutex
	cells  map[string][]string // by language; a cell for each vector
}

// add sets the column of a language.
func (b *table) add(language string, results [][]result) {
	column := make([]string, len(b.vectors))
	for i, v := range b.vectors {
		column[i] = asItMust
		for j, step := range v.Steps {
			if got := results[i][j]; step.result.Outcome != got.Outcome {
				column[i] = got.Outcome
			}
		}
	}
	b.adding.Lock()
	defer b.adding.Unlock()
	b.cells[language] = column
}

// text renders the table. The columns of readers that were not run are those of the committed table.
func (b *table) text(languages []string, committed string) string {
	before := map[string][]string{}
	for line := range strings.Lines(committed) {
		if cells := strings.Split(line, " | "); len(cells) == 3+len(languages) {
			before[cells[0]] = cells[3:]
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "| vector | holds | a reader must | %s |\n|%s\n", strings.Join(languages, " | "), strings.Repeat(" --- |", 3+len(languages)))
	for i, v := range b.vectors {
		first := "| " + v.Name
		fmt.Fprintf(&out, "%s | %s | %s", first, v.About, demand(v))
		for j, language := range languages {
			cell := notRun
			if column := b.cells[language]; column != nil {
				cell = column[i]
			} else if cells := before[first]; cells != nil {
				cell = strings.TrimSuffix(strings.TrimSpace(cells[j]), " |")
			}
			out.WriteString(" | " + cell)
		}
		out.WriteString(" |\n")
	}
	return out.String()
}

// demand says what a reader must do at each look.
func demand(v vector) string {
	var looks []string
	for _, step := range v.Steps {
		text := step.Outcome
		if step.Reason != "" {
			text += " (`" + step.Reason + "`)"
		}
		if step.Also != "" {
			text += " or " + step.Also
		}
		looks = append(looks, text)
	}
	return strings.Join(looks, ", ")
}

// check compares the table with the committed one.
func (b *table) check(t *testing.T) {
	t.Helper()
	languages := []string{"Go"}
	for _, reader := range readers() {
		languages = append(languages, reader.language)
	}
	path := filepath.Join(kit, "README.md")
	page := string(readFile(t, path))
	head, rest, found := strings.Cut(page, tableBegin)
	committed, tail, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s lacks the lines around the table", path)
	}
	want := b.text(languages, committed)
	if *update {
		if err := os.WriteFile(path, []byte(head+tableBegin+want+tableEnd+tail), 0o644); err != nil { // #nosec G306 -- a file of the repository
			t.Fatal(err)
		}
		return
	}
	if committed != want {
		t.Errorf("the table of %s is not what was seen (-README.md +seen): run go test ./languages -update in test/\n%s", path, cmp.Diff(committed, want))
	}
	if strings.Contains(want, notRun) {
		t.Error("the table names a reader that was never run")
	}
}
