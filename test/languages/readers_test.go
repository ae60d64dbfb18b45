package languages_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	return []string{find(t, "python3", "python3"), source(t, "reader.py")}
}

// typeScript lets Node run the file as it stands, or makes JavaScript of it for a Node that is too old for that.
func typeScript(t *testing.T) []string {
	t.Helper()
	node := find(t, "node", "nodejs")
	if stripsTypes(t, node) {
		return []string{node, source(t, "reader.ts")}
	}
	return []string{node, filepath.Join(transpile(t), "reader.js")}
}

// stripsTypes reports whether Node runs TypeScript without a flag and without a warning.
func stripsTypes(t *testing.T, node string) bool {
	t.Helper()
	version := regexp.MustCompile(`^v(\d+)\.(\d+)`).FindStringSubmatch(output(t, ".", node, "--version"))
	major, _ := strconv.Atoi(version[1])
	minor, _ := strconv.Atoi(version[2])
	return major > 24 || major == 24 && minor >= 12 || major == 22 && minor >= 18
}

// transpile checks the types of reader.ts, and returns the folder with its JavaScript.
func transpile(t *testing.T) string {
	t.Helper()
	packages, dir := npm(t, typescript), t.TempDir()
	config, err := json.Marshal(map[string]any{
		"files": []string{source(t, "reader.ts")},
		"compilerOptions": map[string]any{
			"strict": true, "noUncheckedIndexedAccess": true, "erasableSyntaxOnly": true,
			"target": "es2022", "module": "es2022", "moduleResolution": "bundler",
			"types": []string{"node"}, "typeRoots": []string{filepath.Join(packages, "node_modules", "@types")},
			"rootDir": filepath.Dir(source(t, "reader.ts")), "outDir": dir,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, dir, map[string][]byte{"tsconfig.json": config, "package.json": []byte(`{"type": "module"}`)})
	output(t, dir, filepath.Join(packages, "node_modules", ".bin", "tsc"), "-p", "tsconfig.json")
	return dir
}

func java(t *testing.T) []string {
	t.Helper()
	const packages = "default-jdk-headless"
	program, dir := find(t, "java", packages), t.TempDir()
	output(t, dir, find(t, "javac", packages), "-Xlint:all,-serial", "-Werror", "-d", dir, source(t, "Reader.java"))
	return []string{program, "-XX:TieredStopAtLevel=1", "-cp", dir, "Reader"}
}

func shell(t *testing.T) []string {
	t.Helper()
	find(t, "jq", "jq")
	return []string{find(t, "sh", "dash"), source(t, "reader.sh")}
}

// source returns the absolute path of a file of docs/readers.
func source(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(kit, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Each reader does with each vector what the Go reader does.
func TestReaders(t *testing.T) {
	seen := &table{vectors: committedVectors(t), cells: map[string][]string{}}
	seen.add("Go", demanded(seen.vectors))
	all := readers()
	if *another != "" {
		all = []reader{{"another", func(*testing.T) []string { return strings.Fields(*another) }}}
	}
	dir := folder(t, files(t))
	var adding sync.Mutex
	t.Run("vectors", func(t *testing.T) {
		for _, reader := range all {
			t.Run(reader.language, func(t *testing.T) {
				t.Parallel()
				got := try(t, reader.command(t), dir, seen.vectors)
				compare(t, seen.vectors, got)
				adding.Lock()
				defer adding.Unlock()
				seen.add(reader.language, got)
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
