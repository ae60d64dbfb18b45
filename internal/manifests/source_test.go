package manifests_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// files is a tree of files: path to content.
type files map[string]string

func (f files) write(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for path, content := range f {
		write(t, filepath.Join(root, path), content)
	}
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// manifest returns a Secret of that name, selected and with a valid target.
func manifest(name string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata:
  name: %s
  labels: {publishing-target: "true"}
stringData:
  type: webhook
  url: https://h/%[1]s
`, name)
}

func newSource(t testing.TB, path string) *manifests.Source {
	t.Helper()
	m, err := manifests.New(manifests.Config{Path: path, LabelSelector: "publishing-target=true"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// list lists in a bubble, whose clock stands in the year 2000: files written by the test then are not new, and not waited for.
func list(t *testing.T, path, namespace string) (listing source.Listing, err error) {
	t.Helper()
	m := newSource(t, path)
	synctest.Test(t, func(t *testing.T) { listing, err = m.List(t.Context(), namespace) })
	if listing.ResourceVersion == "" {
		t.Error("got no resource version, want one whether or not List failed")
	}
	return listing, err
}

func mustList(t *testing.T, path string) source.Listing {
	t.Helper()
	listing, err := list(t, path, "")
	if err != nil {
		t.Fatalf("got error %v, want a listing", err)
	}
	return listing
}

// summary describes each Secret by its key and its target or fault.
func summary(listing source.Listing) []string {
	var lines []string
	for _, s := range listing.Secrets {
		if s.Fault != nil {
			lines = append(lines, s.Key+" "+s.Fault.Reason+": "+s.Fault.Message())
			continue
		}
		lines = append(lines, s.Key+" "+s.Entry.URL)
	}
	return lines
}

func TestList(t *testing.T) {
	selected := "metadata: {name: a, labels: {publishing-target: \"true\"}}\n"
	secret := "apiVersion: v1\nkind: Secret\n" + selected
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"name":"a","type":"webhook","url":"https://h/config"}`))
	for _, tt := range []struct {
		name  string
		files files
		want  []string
	}{
		{"a tree of all suffixes, sorted by key", files{"z.yaml": manifest("a"), "b.yml": manifest("c"), "d/e/f.yaml": manifest("b"),
			"j.json": `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"d","namespace":"a","labels":{"publishing-target":"true"}},
				"stringData":{"type":"webhook","url":"https:\/\/h\/d"}}`},
			[]string{"a/d https://h/d", "default/a https://h/a", "default/b https://h/b", "default/c https://h/c"}},
		{"other files and dot files are not read",
			files{"a.yaml": manifest("a"), "b.txt": "{", "Makefile": "{", ".b.yaml": "{", ".git/c.yaml": "{", "d.yaml~": "{", "e.yaml.swp": "{"},
			[]string{"default/a https://h/a"}},
		{"documents",
			files{"a.yaml": "# head\n---\n" + manifest("a") + "...\n--- # next\n" + manifest("b") + "---\n---\r\n# nothing\n--- \n\n---\n" + manifest("c") + "---"},
			[]string{"default/a https://h/a", "default/b https://h/b", "default/c https://h/c"}},
		{"a marker inside a value",
			files{"a.yaml": secret + "stringData:\n  type: webhook\n  url: https://h/a\n  note: |\n    ---\n    x\n"},
			[]string{"default/a https://h/a"}},
		{"JSON documents in a row",
			files{"a.json": `{"apiVersion":"v1","kind":"ConfigMap"} {"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}` + "\n"},
			nil},
		{"data", files{"a.yaml": secret + "data:\n  config: " + encoded}, []string{"default/a https://h/config"}},
		{"stringData goes before data",
			files{"a.yaml": secret + "stringData: {config: '{\"name\":\"a\",\"type\":\"webhook\",\"url\":\"https://h/string\"}'}\ndata:\n  config: " + encoded},
			[]string{"default/a https://h/string"}},
		{"null data is an empty value", files{"a.yaml": secret + "data: {config: null}"},
			[]string{"default/a parse: config: must be valid JSON, it breaks at line 1, column 1"}},
		{"a List",
			files{"a.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, " + strings.TrimSpace(selected) +
				", stringData: {type: webhook, url: 'https://h/list'}}\n- {apiVersion: v1, kind: ConfigMap}\n- {apiVersion: v1, kind: List, items: []}\n"},
			[]string{"default/a https://h/list"}},
		{"a SecretList, whose items need no kind",
			files{"a.yaml": "apiVersion: v1\nkind: SecretList\nitems:\n- {" + strings.TrimSpace(selected) + ", stringData: {type: webhook, url: 'https://h/list'}}\n"},
			[]string{"default/a https://h/list"}},
		{"other kinds are ignored",
			files{"a.yaml": "apiVersion: v1\nkind: ConfigMap\n" + selected, "b.yaml": "apiVersion: example.com/v1\nkind: Secret\n" + selected, "c.yaml": "apiVersion: v1\nkind: List\n"},
			nil},
		{"labels decide",
			files{"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}", "b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {publishing-target: \"false\"}}"},
			nil},
		{"keys are case-sensitive",
			files{"a.yaml": "apiVersion: v1\nkind: Secret\nMetadata: {name: a}\nmetadata: {name: a, Labels: {publishing-target: \"true\"}}"},
			nil},
		{"a namespace of its own, or none",
			files{"a.yaml": strings.Replace(manifest("a"), "name: a", "name: a\n  namespace: ns", 1),
				"b.yaml": strings.Replace(manifest("b"), "name: b", "name: b\n  namespace: ''", 1)},
			[]string{"default/b https://h/b", "ns/a https://h/a"}},
		{"the same name in two namespaces",
			files{"a.yaml": manifest("a"), "b.yaml": strings.Replace(manifest("a"), "name: a", "name: a\n  namespace: ns", 1)},
			[]string{"default/a https://h/a", "ns/a https://h/a"}},

		{"a broken target is a fault", files{"a.yaml": secret + "stringData: {config: '{'}", "b.yaml": manifest("b")},
			[]string{"default/a parse: config: must be valid JSON, it breaks at line 1, column 1", "default/b https://h/b"}},
		{"data that is no base64", files{"a.yaml": secret + "data: {config: '{}', 'a b': '?'}", "b.yaml": manifest("b")},
			[]string{"default/a parse: data: must be base64; data.config: must be base64", "default/b https://h/b"}},
		{"values without quotes", files{"a.yaml": secret + "data: {num: 1}\nstringData: {enabled: true, name: 7, headers: [x], '1': {}}"},
			[]string{"default/a parse: data.num: must be a string; stringData: must be a string; stringData.enabled: must be a string; " +
				"stringData.headers: must be a string; stringData.name: must be a string"}},
		{"a label without quotes", files{"a.yaml": strings.Replace(manifest("a"), `"true"`, "true", 1)},
			[]string{"default/a parse: metadata.labels.publishing-target: must be a string"}},
		{"data of another form", files{"a.yaml": secret + "data: []\nstringData: x"},
			[]string{"default/a parse: data: must be an object of strings; stringData: must be an object of strings"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, summary(mustList(t, tt.files.write(t)))); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPath(t *testing.T) {
	root := files{"plain": manifest("plain"), ".dot/.a.yaml": manifest("dot"), "a.json": `{"apiVersion":"v1","kind":"List"}`}.write(t)
	link(t, "plain", filepath.Join(root, "link"))
	for path, want := range map[string][]string{
		"plain":        {"default/plain https://h/plain"}, // named outright, a file may have any name
		".dot/.a.yaml": {"default/dot https://h/dot"},
		"link":         {"default/plain https://h/plain"},
		"a.json":       nil,
	} {
		t.Run(path, func(t *testing.T) {
			if diff := cmp.Diff(want, summary(mustList(t, filepath.Join(root, path)))); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		path := filepath.Join(root, "not", "there")
		_, err := list(t, path, "")
		checkManifestError(t, err, "stat "+path+": no such file or directory")
	})
	t.Run("missing, with a hint", func(t *testing.T) {
		_, err := list(t, filepath.Join(root, "gone"), "")
		var failure *source.Error
		if !errors.As(err, &failure) || failure.Hint == "" {
			t.Errorf("got %#v, want a hint", err)
		}
	})
}

func TestNamespace(t *testing.T) {
	root := files{"a.yaml": manifest("a"), "b.yaml": strings.Replace(manifest("b"), "name: b", "name: b\n  namespace: ns", 1)}.write(t)
	listing, err := list(t, root, "ns")
	if err != nil || listing.Namespace != "ns" {
		t.Errorf("got namespace %q and error %v, want ns", listing.Namespace, err)
	}
	if diff := cmp.Diff([]string{"ns/b https://h/b"}, summary(listing)); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestNewReportsAllFaults(t *testing.T) {
	_, err := manifests.New(manifests.Config{LabelSelector: "a in (", DefaultNamespace: "A"})
	if err == nil {
		t.Fatal("got no error, want three")
	}
	for _, want := range []string{"a path is required", "label selector: ", `namespace "A" is not`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to hold %q", err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	root := files{"a.yaml": strings.Replace(manifest("a"), "publishing-target", "other", 1)}.write(t)
	m, err := manifests.New(manifests.Config{Path: root + "/./", DefaultNamespace: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	var listing source.Listing
	synctest.Test(t, func(t *testing.T) { listing, err = m.List(t.Context(), "") })
	if diff := cmp.Diff([]string{"mine/a https://h/a"}, summary(listing)); err != nil || diff != "" {
		t.Errorf("error %v, secrets (-want +got):\n%s", err, diff)
	}
}
