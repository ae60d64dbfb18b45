package manifests_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

func TestListRefuses(t *testing.T) {
	const head = "apiVersion: v1\nkind: Secret\n"
	const bytesRule = `"%/a.yaml" line 1 document 1: must not hold a !!binary value that is not UTF-8 text`
	for _, tt := range []struct {
		name  string
		files files
		want  string // with % for the root
	}{
		{"no files", files{"a.txt": ""}, `"%": holds no manifest`},
		{"only dot files", files{".a.yaml": manifest("a")}, `"%": holds no manifest`},
		{"an empty file", files{"a.yaml": "", "b.yaml": manifest("b")}, `"%/a.yaml": holds no document`},
		{"an empty JSON file", files{"a.json": " \n"}, `"%/a.json": holds no document`},
		{"only comments", files{"a.yaml": "---\n# x\n---\n"}, `"%/a.yaml": holds no document`},
		{"broken YAML", files{"a.yaml": manifest("a") + "---\n# x\n---\na: 1\nb: [canary\nc: {\n"}, `"%/a.yaml" line 13 document 2: not YAML: did not find expected ',' or ']'`},
		{"a duplicate key in YAML", files{"a.yaml": manifest("a") + "data: {}\ndata: {}\n"}, `"%/a.yaml" line 10 document 1: must not hold the same key twice in one mapping`},
		{"a document on the marker's line", files{"a.yaml": "a: 1\n--- {apiVersion: v1, kind: canary}\n"},
			`"%/a.yaml" line 2 document 1: not YAML: only a comment may follow --- on its line`},
		{"a directive, which kubectl takes for a document", files{"a.yaml": "%YAML 1.1\n---\n" + manifest("a")},
			`"%/a.yaml" line 1 document 1: not YAML: did not find expected <document start>`},
		{"bytes tagged as binary", files{"a.yaml": manifest("a") + "bytes: !!binary /w==\n"}, bytesRule},
		{"bytes tagged as binary, merged in", files{"a.yaml": manifest("a") + "more: {<<: {bytes: [!!binary /w==]}}\n"}, bytesRule},
		{"bytes tagged as binary for a key", files{"a.yaml": manifest("a") + "more: {? !!binary /w== : 1}\n"}, bytesRule},
		{"bytes tagged as binary, beside a comment that is not UTF-8", files{"a.yaml": "# \xff\n" + manifest("a") + "bytes: !!binary /w==\n"},
			strings.Replace(bytesRule, "line 1", "line 2", 1)},
		{"YAML that JSON cannot say", files{"a.yaml": "a: .nan\n"}, `"%/a.yaml" line 1 document 1: not YAML`},
		{"broken JSON", files{"a.json": "{}\n{\n\"canary\": }canary"}, `"%/a.json" line 3 document 2: not JSON`},
		{"a line break in a JSON string", files{"a.json": "{}\n{}\n{\n\"canary\": \"x\ny\"}"}, `"%/a.json" line 4 document 3: not JSON`},
		{"JSON that ends too early", files{"a.json": "{}\n{\"a\":\n1"}, `"%/a.json" line 3 document 2: not JSON`},
		{"a duplicate key in JSON", files{"a.json": `{"kind":"x","kind":"y"}`}, `"%/a.json" line 1 document 1: must not hold the same key twice in one object`},
		{"the first word of a manifest", files{"a.yaml": "apiV"}, `"%/a.yaml" line 1 document 1: not an object`},
		{"the first line of a manifest", files{"a.yaml": "apiVersion: v1\n"}, `"%/a.yaml" line 1 document 1: no kind and apiVersion: not a manifest`},
		{"no apiVersion", files{"a.yaml": "kind: Secret\n"}, `"%/a.yaml" line 1 document 1: no kind and apiVersion: not a manifest`},
		{"items of another form", files{"a.yaml": "apiVersion: v1\nkind: List\nitems: {}"}, `"%/a.yaml" line 1 document 1: items must be an array`},
		{"an item of another form",
			files{"a.yaml": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: A}, canary]"},
			`"%/a.yaml" line 1 document 1 item 2: not an object`},
		{"an item without kind",
			files{"a.yaml": "apiVersion: v1\nkind: List\nitems: [{}]"},
			`"%/a.yaml" line 1 document 1 item 1: no kind and apiVersion: not a manifest`},
		{"a mapping in the place of a name",
			files{"a.yaml": strings.Replace(manifest("a"), "name: a", `{name: a, namespace: 7}`, 1)},
			`"%/a.yaml" line 4 document 1: not YAML: did not find expected key`},
		{"the same Secret in two files",
			files{"a.yaml": manifest("b") + "---\n" + manifest("a"), "b/c.yaml": manifest("a")},
			`"%/b/c.yaml" line 1 document 1: Secret default/a is in "%/a.yaml" line 10 document 2 already`},
		{"the same Secret, selected in the first",
			files{"a.yaml": manifest("a"), "b.yaml": head + "metadata: {name: a}"},
			`"%/b.yaml" line 1 document 1: Secret default/a is in "%/a.yaml" line 1 document 1 already`},
		{"the same Secret, selected in the second",
			files{"a.yaml": head + "metadata: {name: a}", "b.yaml": manifest("a")},
			`"%/b.yaml" line 1 document 1: Secret default/a is in "%/a.yaml" line 1 document 1 already`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := tt.files.write(t)
			_, err := list(t, root, "")
			checkManifestError(t, err, strings.ReplaceAll(tt.want, "%", root))
		})
	}
}

func TestTheReplacementCharacterIsText(t *testing.T) {
	root := files{"a.yaml": "# \xff\n" + manifest("a") + "note: \"\\uFFFD \ufffd\"\n", "b.yaml": manifest("b") + "note: {\"\\uFFFD\": [\ufffd]}\n"}.write(t)
	if _, err := list(t, root, ""); err == nil || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("got %v, want a.yaml refused: nothing tells the bytes of its comment from the character", err)
	}
	root = files{"b.yaml": manifest("b") + "note: {\"\\uFFFD\": [\ufffd]}\n"}.write(t)
	if got := summary(mustList(t, root)); len(got) != 1 {
		t.Errorf("got %q, want one Secret", got)
	}
}

func checkManifestError(t *testing.T, err error, want string) {
	t.Helper()
	var failure *source.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got error %v, want a *source.Error", err)
	}
	if failure.Type != source.ParseError || failure.Permanent || failure.Denied || failure.RetryAfter != 0 {
		t.Errorf("got %+v, want a transient parse error", failure)
	}
	if got := strings.TrimPrefix(err.Error(), "reading manifests: "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if strings.Contains(err.Error()+failure.Hint, "canary") {
		t.Errorf("got %q, %q, want nothing of the content", err, failure.Hint)
	}
}
