package languages_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

const (
	snapshotSchema = "../../pkg/targetsfile/schema/snapshot.schema.json"
	configSchema   = "../../internal/secret/config.schema.json"
)

// snapshots returns the paths of all snapshots that the vectors accept, and of one that the program has published.
func snapshots(t *testing.T) []string {
	t.Helper()
	paths := []string{published(t)}
	for _, v := range committedVectors(t) {
		for _, step := range v.Steps {
			path := absolute(t, filepath.Join(kit, "vectors", step.File))
			if step.Outcome == accept && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// Ajv in its strict mode refuses a schema that it finds doubtful, and a keyword or format that it does not know.
func TestSchemasUnderAjv(t *testing.T) {
	t.Parallel()
	node, packages := tool.Find(t, "node", "nodejs"), tool.NPM(t, "ajv@8.20.0", "ajv-formats@3.0.1")
	configs, dir := map[string][]byte{}, t.TempDir()
	for name, content := range awkward() {
		for i, config := range append(content, pair()...) {
			configs[fmt.Sprintf("%s-%d.json", name, i)] = []byte(config)
		}
	}
	writeAll(t, dir, configs)
	targets, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		schema string
		files  []string
	}{{snapshotSchema, snapshots(t)}, {configSchema, targets}} {
		output(t, ".", append([]string{node, "testdata/ajv.mjs", packages, test.schema}, test.files...)...)
	}
}

// generated is a language for which quicktype makes a reader from the schema of snapshots.
type generated struct {
	language string
	file     string // what quicktype writes
	driver   string // the program in testdata that reads snapshots with it
	run      func(t *testing.T, dir string) []string
}

// Readers that quicktype makes from the schema read each snapshot, and have its numbers as integers.
func TestReadersThatQuicktypeMakes(t *testing.T) {
	var files []string
	var want string
	for _, path := range snapshots(t) {
		doc, err := targetsfile.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
		want += fmt.Sprintf("1 %d %d\n", doc.Generation, len(doc.Entries))
	}
	for _, test := range []generated{
		{"typescript", "snapshot.ts", "quicktype.ts", runTypeScript},
		{"go", "snapshot.go", "quicktype.go.txt", runGo},
		{"python", "snapshot.py", "quicktype.py", runPython},
	} {
		t.Run(test.language, func(t *testing.T) {
			t.Parallel()
			packages, dir := tool.NPM(t, "quicktype@26.0.0"), t.TempDir()
			output(t, dir, filepath.Join(packages, "node_modules", ".bin", "quicktype"), "--src-lang", "schema", "--lang", test.language,
				"--top-level", "Snapshot", "--out", filepath.Join(dir, test.file), absolute(t, snapshotSchema))
			driver := readFile(t, filepath.Join("testdata", test.driver))
			writeAll(t, dir, map[string][]byte{test.driver: driver})
			if got := output(t, dir, append(test.run(t, dir), files...)...); got != want {
				t.Errorf("got schema versions, generations and numbers of targets\n%s, want\n%s", got, want)
			}
		})
	}
}

func runTypeScript(t *testing.T, dir string) []string {
	t.Helper()
	transpile(t, filepath.Join(dir, "quicktype.ts"), dir)
	return []string{tool.Find(t, "node", "nodejs"), filepath.Join(dir, "quicktype.js")}
}

func runGo(t *testing.T, dir string) []string {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, "quicktype.go.txt"), filepath.Join(dir, "main.go")); err != nil {
		t.Fatal(err)
	}
	writeAll(t, dir, map[string][]byte{"go.mod": []byte("module example.com/app\n\ngo 1.24\n")})
	output(t, dir, "go", "build", "-o", "app", ".")
	return []string{filepath.Join(dir, "app")}
}

// runPython needs dateutil, which quicktype's readers import.
func runPython(t *testing.T, dir string) []string {
	t.Helper()
	program := tool.Find(t, "python3", "python3")
	if err := exec.CommandContext(t.Context(), program, "-c", "import dateutil").Run(); err != nil { // #nosec G204 -- a Python
		t.Skip("skipped: this python3 has no dateutil; apt-get install python3-dateutil")
	}
	return []string{program, filepath.Join(dir, "quicktype.py")}
}
