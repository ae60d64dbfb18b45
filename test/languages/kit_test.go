package languages_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

var update = flag.Bool("update", false, "write the vectors and the table of docs/readers")

// kit is where readers and vectors are.
const kit = "../../docs/readers"

// The committed vectors are what the sidecar's code writes today, and what can become of that; the Go reader says what is right.
func TestVectors(t *testing.T) {
	content := files(t)
	dir := folder(t, content)
	all := vectors()
	for i := range all {
		wanted := slices.Clone(all[i].Steps)
		var paths []string
		for _, step := range wanted {
			paths = append(paths, filepath.Join(dir, step.File))
		}
		for j, got := range goReader(t, paths) {
			if want := wanted[j].result; got.Outcome != want.Outcome || got.Reason != want.Reason {
				t.Errorf("%s, %s: got %s %s, want %s %s", all[i].Name, wanted[j].File, got.Outcome, got.Reason, want.Outcome, want.Reason)
			}
			all[i].Steps[j].result = got
		}
	}
	content["vectors.json"] = encode(t, all)
	committed := filepath.Join(kit, "vectors")
	if *update {
		if err := os.RemoveAll(committed); err != nil {
			t.Fatal(err)
		}
		writeAll(t, committed, content)
	}
	for name, want := range content {
		if got, err := os.ReadFile(filepath.Join(committed, name)); err != nil || !bytes.Equal(got, want) { // #nosec G304 -- a path of this repository
			t.Errorf("%s differs from what is made today (error %v): run go test ./languages -update in test/, and say why in the commit", name, err)
		}
	}
	if got, err := os.ReadDir(committed); err != nil || len(got) != len(content) {
		t.Errorf("got %d files and error %v, want %d", len(got), err, len(content))
	}
}

// A file that is no vector's is a file that no reader was tried on.
func TestEveryFileIsOfAVector(t *testing.T) {
	var want, got []string
	for _, v := range committedVectors(t) {
		for _, step := range v.Steps {
			if step.File != tooLarge && step.File != missing && !slices.Contains(want, step.File) {
				want = append(want, step.File)
			}
		}
	}
	for name := range files(t) {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-of vectors +made):\n%s", diff)
	}
}

// encode writes the index, a step on a line.
func encode(t *testing.T, all []vector) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	line := func(v any) []byte {
		out.Reset()
		if err := encoder.Encode(v); err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(bytes.TrimSpace(out.Bytes()))
	}
	text := []byte("[")
	for i, v := range all {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(append(text, "\n  {\"name\": "...), line(v.Name)...), ", \"about\": "...), line(v.About)...)
		text = append(text, ", \"steps\": ["...)
		for j, step := range v.Steps {
			if j > 0 {
				text = append(text, ',')
			}
			text = append(append(text, "\n    "...), line(step)...)
		}
		text = append(text, "\n  ]}"...)
	}
	return append(text, "\n]\n"...)
}

func committedVectors(t *testing.T) (all []vector) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, filepath.Join(kit, "vectors", "vectors.json")), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// folder returns a folder with these files and the one that is too large.
func folder(t *testing.T, content map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	writeAll(t, dir, content)
	path := filepath.Join(dir, tooLarge)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, targetsfile.MaxBytes+1); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeAll(t *testing.T, dir string, content map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, data := range content {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil { // #nosec G306 -- files of the repository
			t.Fatal(err)
		}
	}
}
