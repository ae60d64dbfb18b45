package languages_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

// another is a reader that is tried on the vectors beside those of docs/readers.
var another = flag.String("reader", "", "a `command` that keeps to the contract of docs/readers/README.md")

// reader is a program that keeps to the contract of docs/readers/README.md.
type reader struct {
	language string
	command  func(t *testing.T) []string // skips the test where something is missing
}

// readers returns those of docs/readers.
func readers() []reader {
	return []reader{{"Python", python}, {"TypeScript", typeScript}, {"Java", java}, {"shell", shell}}
}

func python(t *testing.T) []string {
	t.Helper()
	return []string{tool.Find(t, "python3", "python3"), absolute(t, kit+"/reader.py")}
}

// typeScript lets Node run the file as it stands, or makes JavaScript of it for a Node that is too old for that.
func typeScript(t *testing.T) []string {
	t.Helper()
	node := tool.Find(t, "node", "nodejs")
	if stripsTypes(t, node) {
		return []string{node, absolute(t, kit+"/reader.ts")}
	}
	dir := t.TempDir()
	transpile(t, absolute(t, kit+"/reader.ts"), dir)
	return []string{node, filepath.Join(dir, "reader.js")}
}

func java(t *testing.T) []string {
	t.Helper()
	const packages = "default-jdk-headless"
	program, dir := tool.Find(t, "java", packages), t.TempDir()
	output(t, dir, tool.Find(t, "javac", packages), "-Xlint:all,-serial", "-Werror", "-d", dir, absolute(t, kit+"/Reader.java"))
	return []string{program, "-XX:TieredStopAtLevel=1", "-cp", dir, "Reader"}
}

func shell(t *testing.T) []string {
	t.Helper()
	tool.Find(t, "jq", "jq")
	return []string{tool.Find(t, "sh", "dash"), absolute(t, kit+"/reader.sh")}
}

// Each reader does with each vector what the Go reader does, reads what the program publishes, and follows a file.
func TestReaders(t *testing.T) {
	all := readers()
	if *another != "" {
		all = []reader{{"another", func(*testing.T) []string { return strings.Fields(*another) }}}
	}
	seen := &table{vectors: committedVectors(t), cells: map[string][]string{}}
	seen.add("Go", demanded(seen.vectors))
	dir, real := folder(t, files(t)), published(t)
	wanted := goReader(t, []string{real})[0]
	if wanted.Outcome != accept || *wanted.Targets < 5 {
		t.Fatalf("got %+v, want a snapshot of the awkward targets", wanted)
	}
	t.Run("in", func(t *testing.T) {
		for _, reader := range all {
			t.Run(reader.language, func(t *testing.T) {
				t.Parallel()
				command := reader.command(t)
				t.Run("vectors", func(t *testing.T) {
					got := try(t, command, dir, seen.vectors)
					compare(t, seen.vectors, got)
					seen.add(reader.language, got)
				})
				t.Run("published", func(t *testing.T) { readPublished(t, command, real, wanted) })
				if *another == "" {
					t.Run("follow", func(t *testing.T) { follows(t, command, dir, filepath.Join(dir, reader.language)) })
				}
			})
		}
	})
	if *another == "" {
		seen.check(t)
	}
}

// demanded returns what the Go reader does: the vectors are made with it.
func demanded(all []vector) [][]result {
	results := make([][]result, len(all))
	for i, v := range all {
		for _, step := range v.Steps {
			results[i] = append(results[i], step.result)
		}
	}
	return results
}

// compare checks that results are those of the vectors.
func compare(t *testing.T, want []vector, got [][]result) {
	t.Helper()
	for i, v := range want {
		for j, step := range v.Steps {
			if diff := step.differs(got[i][j]); diff != "" {
				t.Errorf("%s (%s), look %d, at %s (-want +got):\n%s", v.Name, v.About, j+1, step.File, diff)
			}
		}
	}
}

// differs returns how another reader's result is not what it may be.
func (s step) differs(got result) string {
	if s.Also != "" && got.Outcome == s.Also {
		return ""
	}
	return cmp.Diff(s.result, got)
}

// try lets a program look at the files of all vectors.
func try(t *testing.T, command []string, dir string, all []vector) [][]result {
	t.Helper()
	command = slices.Clone(command)
	for i, v := range all {
		if i > 0 {
			command = append(command, "--")
		}
		for _, step := range v.Steps {
			command = append(command, step.File)
		}
	}
	printed := json.NewDecoder(strings.NewReader(output(t, dir, command...)))
	results := make([][]result, len(all))
	for i, v := range all {
		results[i] = make([]result, len(v.Steps))
		for j := range v.Steps {
			if err := printed.Decode(&results[i][j]); err != nil {
				t.Fatal(fmt.Errorf("reading line %d of vector %s: %w", j+1, v.Name, err))
			}
		}
	}
	if printed.More() {
		t.Error("got more lines than there are files")
	}
	return results
}
