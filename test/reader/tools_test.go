package reader_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// tools are programs that use the reader beside libraries that neither it nor this module should require.
func tools(t *testing.T) *module {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"print/main.go", "validate/main.go"} {
		source, err := os.ReadFile(filepath.Join("testdata", "tools", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(source)
	}
	return newModule(t, "\t"+readerPath+" v1.0.0\n\tgithub.com/rs/zerolog v1.35.1\n\tgithub.com/santhosh-tekuri/jsonschema/v6 v6.0.3", files)
}

func TestTools(t *testing.T) {
	t.Parallel()
	m := tools(t)
	t.Run("zerolog shows no secret", func(t *testing.T) {
		out := m.goCommand("run", "./print", fixture(t, "next-release.json"))
		if strings.Contains(out, "CANARY") {
			t.Errorf("got %s, want no secret", out)
		}
		for _, want := range []string{`"host":"https://hooks.slack.com"`, `"name":"slack-prod"`} {
			if !strings.Contains(out, want) {
				t.Errorf("got %s, want %s", out, want)
			}
		}
	})
	t.Run("what is written is valid by the schema", func(t *testing.T) {
		doc, err := targetsfile.ReadFile(fixture(t, "release-1.json"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "targets.json")
		write(t, path, doc)
		empty := filepath.Join(t.TempDir(), "targets.json")
		doc.Entries, doc.Rejections, doc.Source = nil, nil, targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "secrets.yaml"}
		doc.Checksum = targetsfile.Checksum(nil)
		write(t, empty, doc)
		schema := filepath.Join(readerDir(t), "schema", "snapshot.schema.json")
		m.goCommand("run", "./validate", schema, path, empty, fixture(t, "release-1.json"), fixture(t, "next-release.json"))
	})
}

func write(t *testing.T, path string, doc *targetsfile.Document) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.WriteTo(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// fixture returns the absolute path of a file in testdata.
func fixture(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
