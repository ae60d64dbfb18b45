package discovery_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/discovery"
	"github.com/google/go-cmp/cmp"
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

func newManifests(t testing.TB, path string) *discovery.Manifests {
	t.Helper()
	m, err := discovery.NewManifests(discovery.ManifestsConfig{Path: path, LabelSelector: "publishing-target=true"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// list lists in a bubble, whose clock stands in the year 2000: files written by the test then are not new, and not waited for.
func list(t *testing.T, path, namespace string) (listing discovery.Listing, err error) {
	t.Helper()
	m := newManifests(t, path)
	synctest.Test(t, func(t *testing.T) { listing, err = m.List(t.Context(), namespace) })
	if listing.ResourceVersion == "" {
		t.Error("got no resource version, want one whether or not List failed")
	}
	return listing, err
}

func mustList(t *testing.T, path string) discovery.Listing {
	t.Helper()
	listing, err := list(t, path, "")
	if err != nil {
		t.Fatalf("got error %v, want a listing", err)
	}
	return listing
}

// summary describes each Secret by its key and its target or fault.
func summary(listing discovery.Listing) []string {
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

func TestManifestsList(t *testing.T) {
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
			files{"a.yaml": "# head\n---\n" + manifest("a") + "...\n--- # next\n" + manifest("b") + "---\n---\r\n# nothing\n--- \n%YAML 1.1\n---\n" + manifest("c") + "---"},
			[]string{"default/a https://h/a", "default/b https://h/b", "default/c https://h/c"}},
		{"a document on the marker's line",
			files{"a.yaml": "--- {apiVersion: v1, kind: ConfigMap}\n---\n" + manifest("a")},
			[]string{"default/a https://h/a"}},
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

func TestManifestsListRefuses(t *testing.T) {
	head := "apiVersion: v1\nkind: Secret\n"
	for _, tt := range []struct {
		name  string
		files files
		want  string // with % for the root
	}{
		{"no files", files{"a.txt": ""}, `"%" holds none`},
		{"only dot files", files{".a.yaml": manifest("a")}, `"%" holds none`},
		{"an empty file", files{"a.yaml": "", "b.yaml": manifest("b")}, `"%/a.yaml": holds no document`},
		{"an empty JSON file", files{"a.json": " \n"}, `"%/a.json": holds no document`},
		{"only comments", files{"a.yaml": "---\n# x\n---\n"}, `"%/a.yaml": holds no document`},
		{"broken YAML", files{"a.yaml": manifest("a") + "---\n# x\n---\na: 1\nb: [canary\nc: {\n"}, `"%/a.yaml" document 2: not YAML near line 13`},
		{"a duplicate key in YAML", files{"a.yaml": manifest("a") + "data: {}\ndata: {}\n"}, `"%/a.yaml" document 1: not YAML near line 10`},
		{"YAML that JSON cannot say", files{"a.yaml": "a: .nan\n"}, `"%/a.yaml" document 1: not YAML`},
		{"broken JSON", files{"a.json": "{}\n{\n\"canary\": canary}"}, `"%/a.json" document 2: not JSON near line 3`},
		{"JSON that ends too early", files{"a.json": "{}\n{\"a\":\n1"}, `"%/a.json" document 2: not JSON near line 3`},
		{"a duplicate key in JSON", files{"a.json": `{"kind":"x","kind":"y"}`}, `"%/a.json" document 1: must not hold the same key twice in one object`},
		{"the first word of a manifest", files{"a.yaml": "apiV"}, `"%/a.yaml" document 1: not an object`},
		{"the first line of a manifest", files{"a.yaml": "apiVersion: v1\n"}, `"%/a.yaml" document 1: no kind and apiVersion: not a manifest`},
		{"no apiVersion", files{"a.yaml": "kind: Secret\n"}, `"%/a.yaml" document 1: no kind and apiVersion: not a manifest`},
		{"items of another form", files{"a.yaml": "apiVersion: v1\nkind: List\nitems: {}"}, `"%/a.yaml" document 1: items must be an array`},
		{"an item of another form",
			files{"a.yaml": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: A}, canary]"},
			`"%/a.yaml" document 1 item 2: not an object`},
		{"an item without kind",
			files{"a.yaml": "apiVersion: v1\nkind: List\nitems: [{}]"},
			`"%/a.yaml" document 1 item 1: no kind and apiVersion: not a manifest`},
		{"no name",
			files{"a.yaml": head + "metadata: {labels: {publishing-target: \"true\"}}"},
			`"%/a.yaml" document 1: a Secret must have a metadata.name that is a DNS-1123 subdomain`},
		{"no name that there could be",
			files{"a.yaml": strings.Replace(manifest("a"), "name: a", `name: "canary\n"`, 1)},
			`"%/a.yaml" document 1: a Secret must have a metadata.name that is a DNS-1123 subdomain`},
		{"no namespace that there could be",
			files{"a.yaml": strings.Replace(manifest("a"), "name: a", `{name: a, namespace: 7}`, 1)},
			`"%/a.yaml" document 1: not YAML near line 4`},
		{"a namespace that is a number",
			files{"a.yaml": strings.Replace(manifest("a"), "name: a", "name: a\n  namespace: 7", 1)},
			`"%/a.yaml" document 1: a Secret must have a metadata.namespace that is a DNS-1123 label`},
		{"the same Secret in two files",
			files{"a.yaml": manifest("b") + "---\n" + manifest("a"), "b/c.yaml": manifest("a")},
			`"%/b/c.yaml" document 1: Secret default/a is in "%/a.yaml" document 2 already`},
		{"the same Secret, selected in the first",
			files{"a.yaml": manifest("a"), "b.yaml": head + "metadata: {name: a}"},
			`"%/b.yaml" document 1: Secret default/a is in "%/a.yaml" document 1 already`},
		{"the same Secret, selected in the second",
			files{"a.yaml": head + "metadata: {name: a}", "b.yaml": manifest("a")},
			`"%/b.yaml" document 1: Secret default/a is in "%/a.yaml" document 1 already`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := tt.files.write(t)
			_, err := list(t, root, "")
			checkManifestError(t, err, strings.ReplaceAll(tt.want, "%", root))
		})
	}
}

func checkManifestError(t *testing.T, err error, want string) {
	t.Helper()
	var failure *discovery.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got error %v, want a *discovery.Error", err)
	}
	if failure.Type != discovery.ParseError || failure.Permanent || failure.Denied || failure.RetryAfter != 0 {
		t.Errorf("got %+v, want a transient parse error", failure)
	}
	if got := strings.TrimPrefix(err.Error(), "reading manifests: "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if strings.Contains(err.Error()+failure.Hint, "canary") {
		t.Errorf("got %q, %q, want nothing of the content", err, failure.Hint)
	}
}

func TestManifestsPath(t *testing.T) {
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
		var failure *discovery.Error
		if !errors.As(err, &failure) || failure.Hint == "" {
			t.Errorf("got %#v, want a hint", err)
		}
	})
}

func TestManifestsNamespace(t *testing.T) {
	root := files{"a.yaml": manifest("a"), "b.yaml": strings.Replace(manifest("b"), "name: b", "name: b\n  namespace: ns", 1)}.write(t)
	listing, err := list(t, root, "ns")
	if err != nil || listing.Namespace != "ns" {
		t.Errorf("got namespace %q and error %v, want ns", listing.Namespace, err)
	}
	if diff := cmp.Diff([]string{"ns/b https://h/b"}, summary(listing)); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestManifestsFollowsLinks(t *testing.T) {
	t.Run("of a mounted ConfigMap", func(t *testing.T) {
		root := files{"..2026/a.yaml": manifest("a")}.write(t)
		link(t, "..2026", filepath.Join(root, "..data"))
		link(t, "..data/a.yaml", filepath.Join(root, "a.yaml"))
		if got := summary(mustList(t, root)); len(got) != 1 {
			t.Errorf("got %q, want the Secret once", got)
		}
	})
	t.Run("in a circle", func(t *testing.T) {
		root := files{"a.yaml": manifest("a"), "d/b.yaml": manifest("b")}.write(t)
		link(t, "..", filepath.Join(root, "d", "up"))
		link(t, "d", filepath.Join(root, "e"))
		link(t, "self", filepath.Join(root, "self"))
		link(t, "a.yaml", filepath.Join(root, "c.yaml"))
		if got := summary(mustList(t, root)); len(got) != 2 {
			t.Errorf("got %q, want each Secret once", got)
		}
	})
	t.Run("out of the tree", func(t *testing.T) {
		elsewhere := files{"b.yaml": manifest("b"), "d/c.yaml": manifest("c")}.write(t)
		root := files{"a.yaml": manifest("a")}.write(t)
		link(t, filepath.Join(elsewhere, "b.yaml"), filepath.Join(root, "b.yaml"))
		link(t, filepath.Join(elsewhere, "d"), filepath.Join(root, "d"))
		if got := summary(mustList(t, root)); len(got) != 3 {
			t.Errorf("got %q, want all three", got)
		}
	})
	t.Run("to nowhere", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		link(t, "gone", filepath.Join(root, "readme"))
		mustList(t, root)
		link(t, "gone", filepath.Join(root, "b.yaml"))
		_, err := list(t, root, "")
		checkManifestError(t, err, "stat "+root+"/b.yaml: no such file or directory")
	})
}

// All are found before a byte is read: the broken file goes before them in the order of reading.
func TestManifestsRefusesOddFiles(t *testing.T) {
	broken := files{"a.yaml": "{"}
	t.Run("a FIFO", func(t *testing.T) {
		root := broken.write(t)
		path := filepath.Join(root, "b.yaml")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := list(t, root, "")
		checkManifestError(t, err, fmt.Sprintf("%q is not a regular file", path))
	})
	t.Run("more than 64 MiB", func(t *testing.T) {
		root := broken.write(t)
		write(t, filepath.Join(root, "b.yaml"), "")
		if err := os.Truncate(filepath.Join(root, "b.yaml"), 64<<20); err != nil { // sparse
			t.Fatal(err)
		}
		_, err := list(t, root, "")
		checkManifestError(t, err, "more than 64 MiB")
	})
	t.Run("a file without permission", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may read everything")
		}
		root := files{"a.yaml": manifest("a")}.write(t)
		if err := os.Chmod(filepath.Join(root, "a.yaml"), 0); err != nil {
			t.Fatal(err)
		}
		_, err := list(t, root, "")
		checkManifestError(t, err, "open "+root+"/a.yaml: permission denied")
	})
}

func TestManifestsDirectoryWithTheNameOfAFile(t *testing.T) {
	if got := summary(mustList(t, files{"a.yaml/b.yaml": manifest("b")}.write(t))); len(got) != 1 {
		t.Errorf("got %q, want the Secret inside", got)
	}
}

func TestManifestsResourceVersion(t *testing.T) {
	root := files{"a.yaml": manifest("a"), "d/b.yaml": manifest("b")}.write(t)
	a := filepath.Join(root, "a.yaml")
	version := func() string {
		listing, _ := list(t, root, "")
		return listing.ResourceVersion
	}
	for _, step := range []struct {
		name    string
		do      func() error
		changes bool
	}{
		{"nothing happens", func() error { return nil }, false},
		{"a swap file comes", func() error { return os.WriteFile(filepath.Join(root, ".a.yaml.swp"), nil, 0o600) }, false},
		{"another file comes", func() error { return os.WriteFile(filepath.Join(root, "README"), nil, 0o600) }, false},
		{"a file grows", func() error { return os.WriteFile(a, []byte(manifest("a")+"#"), 0o600) }, true},
		{"a file is replaced by its like", func() error {
			return errors.Join(os.WriteFile(a+".new", []byte(manifest("a")+"#"), 0o600), os.Rename(a+".new", a))
		}, true},
		{"a file's time is set back", func() error { return os.Chtimes(a, time.Time{}, time.Unix(1, 0)) }, true},
		{"a file is renamed", func() error { return os.Rename(a, filepath.Join(root, "c.yaml")) }, true},
		{"a directory is renamed", func() error { return os.Rename(filepath.Join(root, "d"), filepath.Join(root, "e")) }, true},
		{"the tree goes", func() error { return os.Rename(root, root+"-gone") }, true},
		{"it is not there", func() error { return nil }, false},
		{"it returns", func() error { return os.Rename(root+"-gone", root) }, true},
		{"a broken file comes", func() error { return os.WriteFile(a, []byte("{"), 0o600) }, true},
		{"it is corrected", func() error { return os.WriteFile(a, []byte(manifest("a")), 0o600) }, true},
		{"a link to nowhere comes", func() error { return os.Symlink("nowhere", filepath.Join(root, "l.yaml")) }, true},
	} {
		before := version()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if changed := version() != before; changed != step.changes {
			t.Errorf("%s: got changed=%t, want %t", step.name, changed, step.changes)
		}
	}
}

// Outside a bubble, where a file just written is new.
func TestManifestsListWaitsForWriters(t *testing.T) {
	t.Run("who have finished", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		written := time.Now()
		if _, err := newManifests(t, root).List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(written); waited < 90*time.Millisecond { // timestamps are coarse
			t.Errorf("got a listing %v after the last write, want 100ms of quiet", waited)
		}
	})
	t.Run("who do not finish", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		meddle := func() { write(t, filepath.Join(root, "a.yaml"), manifest("a")) }
		_, err := newManifests(t, root).List(meddler{t.Context(), meddle}, "")
		checkManifestError(t, err, fmt.Sprintf("%q keeps changing", root))
	})
	t.Run("not beyond a cancellation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := listEnded(t, ctx); !errors.Is(err, context.Canceled) || errors.As(err, new(*discovery.Error)) {
			t.Errorf("got %v, want the context's error as it is", err)
		}
	})
	t.Run("not beyond a deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		err := listEnded(t, ctx)
		var failure *discovery.Error
		if !errors.As(err, &failure) || failure.Type != discovery.TimeoutError || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a timeout that is the context's", err)
		}
	})
}

// meddler is a context that does something whenever it is asked whether it has ended, which List does between two files.
type meddler struct {
	context.Context
	meddle func()
}

func (m meddler) Err() error {
	m.meddle()
	return m.Context.Err()
}

// In a bubble, where no file is too new to be read.
func TestManifestsListReadsAgainWhatChangedMeanwhile(t *testing.T) {
	listWhile := func(t *testing.T, root string, meddle func()) (listing discovery.Listing, err error) {
		m := newManifests(t, root)
		synctest.Test(t, func(t *testing.T) { listing, err = m.List(meddler{t.Context(), meddle}, "") })
		return listing, err
	}
	t.Run("once", func(t *testing.T) {
		root := files{"a.yaml": manifest("a"), "b.yaml": manifest("b")}.write(t)
		asked := 0
		listing, err := listWhile(t, root, func() {
			if asked++; asked == 3 { // the walk asks first, then each file
				write(t, filepath.Join(root, "a.yaml"), manifest("new"))
			}
		})
		if diff := cmp.Diff([]string{"default/b https://h/b", "default/new https://h/new"}, summary(listing)); err != nil || diff != "" {
			t.Errorf("error %v, secrets (-want +got):\n%s", err, diff)
		}
		if want := mustList(t, root).ResourceVersion; listing.ResourceVersion != want {
			t.Errorf("got version %s, want that of the last reading, %s", listing.ResourceVersion, want)
		}
	})
	t.Run("until it gives up", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		asked := int64(0)
		_, err := listWhile(t, root, func() {
			asked++
			if err := os.Chtimes(filepath.Join(root, "a.yaml"), time.Time{}, time.Unix(asked, 0)); err != nil {
				t.Error(err)
			}
		})
		checkManifestError(t, err, fmt.Sprintf("%q keeps changing", root))
	})
}

// listEnded returns the error of a List whose context has ended. There must be nothing beside it but a resource version.
func listEnded(t *testing.T, ctx context.Context) error {
	t.Helper()
	listing, err := newManifests(t, files{"a.yaml": manifest("a")}.write(t)).List(ctx, "")
	if listing.ResourceVersion == "" || listing.Secrets != nil {
		t.Errorf("got %+v, want only a resource version", listing)
	}
	return err
}

// A file can become something else after the tree was looked at.
func TestManifestThatBecameAFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := discovery.ReadManifestFile(path) // a test that waits for ever shows that it waits for a writer
	checkManifestError(t, err, fmt.Sprintf("%q is not a regular file", path))
	_, err = discovery.ReadManifestFile(path + ".gone")
	checkManifestError(t, err, "open "+path+".gone: no such file or directory")
}

func TestNewManifestsReportsAllFaults(t *testing.T) {
	_, err := discovery.NewManifests(discovery.ManifestsConfig{LabelSelector: "a in (", DefaultNamespace: "A"})
	if err == nil {
		t.Fatal("got no error, want three")
	}
	for _, want := range []string{"a path is required", "label selector: ", `namespace "A" is not`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to hold %q", err, want)
		}
	}
}

func TestManifestsDefaults(t *testing.T) {
	root := files{"a.yaml": strings.Replace(manifest("a"), "publishing-target", "other", 1)}.write(t)
	m, err := discovery.NewManifests(discovery.ManifestsConfig{Path: root + "/./", DefaultNamespace: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	var listing discovery.Listing
	synctest.Test(t, func(t *testing.T) { listing, err = m.List(t.Context(), "") })
	if diff := cmp.Diff([]string{"mine/a https://h/a"}, summary(listing)); err != nil || diff != "" {
		t.Errorf("error %v, secrets (-want +got):\n%s", err, diff)
	}
}
