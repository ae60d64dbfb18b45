package manifests_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
)

// validate checks paths, relative to root, and describes what is found: severity, place, Secret, field and rule.
func validate(t *testing.T, root string, paths ...string) (lines []string, found manifests.Report) {
	t.Helper()
	for i := range paths {
		paths[i] = filepath.Join(root, paths[i])
	}
	found, err := manifests.Check(t.Context(), manifests.CheckConfig{Paths: paths, LabelSelector: "publishing-target=true"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found.Findings {
		line := fmt.Sprintf("%s %s %d.%d %s: %s", f.Severity, f.File, f.Document, f.Item, f.Secret, f.Problem)
		lines = append(lines, strings.ReplaceAll(line, root+"/", ""))
		if f.Hint == "" {
			t.Errorf("%s: got no hint, want one", line)
		}
		if strings.Contains(line+f.Hint, "canary") {
			t.Errorf("got %s, %s: want nothing of the content", line, f.Hint)
		}
	}
	return lines, found
}

func TestCheck(t *testing.T) {
	labelled := "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {publishing-target: \"true\"}}\n"
	unlabelled := "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	for _, tt := range []struct {
		name  string
		files files
		want  []string
	}{
		{"nothing wrong", files{"a.yaml": manifest("a"), "d/b.yaml": manifest("b")}, nil},
		{"the same file by another name", files{"a.yaml": manifest("a"), "link:b.yaml": "a.yaml"}, nil},
		{"the documents after a broken one",
			files{"a.yaml": "canary: [\n---\n" + labelled + "---\n- canary\n"},
			[]string{"fault a.yaml 1.0 : not YAML: did not find expected node content", "fault a.yaml 2.0 default/a: holds no known key", "fault a.yaml 3.0 : not an object"}},
		{"the items after a broken one",
			files{"a.yaml": "apiVersion: v1\nkind: List\nitems:\n- canary\n- {apiVersion: v1, kind: List, items: canary}\n- {canary: 1}\n- " +
				strings.ReplaceAll(strings.TrimSpace(labelled), "\n", "\n  ")},
			[]string{"fault a.yaml 1.1 : not an object", "fault a.yaml 1.2 : items must be an array",
				"fault a.yaml 1.3 : no kind and apiVersion: not a manifest", "fault a.yaml 1.4 default/a: holds no known key"}},
		{"what an API server would refuse",
			files{"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {publishing-target: true, x: []}}\ndata: canary\nstringData: {num: 1}"},
			[]string{"fault a.yaml 1.0 default/a: metadata.labels.publishing-target: must be a string", "fault a.yaml 1.0 default/a: metadata.labels.x: must be a string",
				"fault a.yaml 1.0 default/a: data: must be an object of strings", "fault a.yaml 1.0 default/a: stringData.num: must be a string"}},
		{"flat keys", files{"a.yaml": labelled + "stringData: {url: 'https://h/canary canary', headers: 'canary,a b=c,X=', api_key: ''}"},
			[]string{"fault a.yaml 1.0 default/a: url: must not hold spaces or line breaks", "fault a.yaml 1.0 default/a: headers: entry 1: must be name=value",
				"fault a.yaml 1.0 default/a: headers: entry 2: the name must be letters, digits and !#$%&'*+-.^_`|~",
				"fault a.yaml 1.0 default/a: headers: entry 3: the value must not be empty",
				"fault a.yaml 1.0 default/a: type: is required", "warning a.yaml 1.0 default/a: api_key: is empty, so it gives no header Authorization"}},
		{"a document", files{"a.yaml": labelled + `stringData: {config: '{"name":"a","url":"https://h/${canary}","headers":{"A":1,"B":"\u0000"},"type":1}'}`},
			[]string{"fault a.yaml 1.0 default/a: url: must be the real value, not an unfilled ${…}", "fault a.yaml 1.0 default/a: headers: A: the value must be a string",
				"fault a.yaml 1.0 default/a: headers: B: the value must not hold line breaks or control characters", "fault a.yaml 1.0 default/a: type: must be a string"}},
		{"documents that are none",
			files{"a.yaml": labelled + "stringData: {config: '[]'}", "b.yaml": strings.Replace(labelled, "name: a", "name: b", 1) + "data: {config: /w==}",
				"c.yaml": strings.Replace(labelled, "name: a", "name: c", 1) + "stringData: {config: '{\"a\":1,\"a\":2}'}"},
			[]string{"fault a.yaml 1.0 default/a: config: must be a JSON object", "fault b.yaml 1.0 default/b: config: must be UTF-8 text",
				"fault c.yaml 1.0 default/c: config.a: must not hold the same key twice in one object"}},
		{"a Secret twice, in any order of labels",
			files{"a.yaml": unlabelled, "b.yaml": manifest("a"), "c.yaml": manifest("a")},
			[]string{"skipped a.yaml 1.0 default/a: not selected by publishing-target=true",
				`fault b.yaml 1.0 default/a: metadata.name: this Secret is in "a.yaml" line 1 document 1 already`,
				`fault c.yaml 1.0 default/a: metadata.name: this Secret is in "a.yaml" line 1 document 1 already`}},
		{"a Secret selected, then again without its label", files{"a.yaml": manifest("a"), "b.yaml": unlabelled},
			[]string{`fault b.yaml 1.0 default/a: metadata.name: this Secret is in "a.yaml" line 1 document 1 already`,
				"skipped b.yaml 1.0 default/a: not selected by publishing-target=true"}},
		{"a Secret twice that nobody selects", files{"a.yaml": unlabelled, "b.yaml": unlabelled},
			[]string{"skipped a.yaml 1.0 default/a: not selected by publishing-target=true", "skipped b.yaml 1.0 default/a: not selected by publishing-target=true"}},
		{"a target's name three times",
			files{"a.yaml": labelled + "stringData: {name: x, type: slack, url: 'https://h'}", "b.yaml": manifest("x"), "c.yaml": strings.Replace(manifest("x"), "name: x", "name: x\n  namespace: ns", 1)},
			[]string{`fault b.yaml 1.0 default/x: name: the target name x belongs to Secret default/a in "a.yaml" line 1 document 1 already`,
				`fault c.yaml 1.0 ns/x: name: the target name x belongs to Secret default/a in "a.yaml" line 1 document 1 already`}},
		{"a namespace that is none", files{"a.yaml": strings.Replace(labelled, "name: a", "name: a, namespace: 'canary canary'", 1)},
			[]string{"fault a.yaml 1.0 : metadata.namespace: must be a DNS-1123 label"}},
		{"a link to nowhere", files{"link:a.yaml": "gone", "b.yaml": manifest("b")}, []string{"fault a.yaml 0.0 : no such file or directory"}},
		{"a tree without manifests", files{"d/readme": ""}, []string{"fault . 0.0 : holds no manifest"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for path, content := range tt.files {
				if name, ok := strings.CutPrefix(path, "link:"); ok {
					link(t, content, filepath.Join(root, name))
					continue
				}
				write(t, filepath.Join(root, path), content)
			}
			got, _ := validate(t, root, ".")
			for i := range got {
				got[i] = strings.Replace(got[i], root, ".", 1)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckCounts(t *testing.T) {
	root := files{"a.yaml": manifest("a") + "---\n" + manifest("b"), "b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: c}"}.write(t)
	_, found := validate(t, root, "a.yaml", ".", "a.yaml")
	if found.Files != 2 || found.Secrets != 2 {
		t.Errorf("got %d files with %d Secrets, want 2 with 2: each file counts once", found.Files, found.Secrets)
	}
}

func TestCheckRefusesOddFiles(t *testing.T) {
	root := files{"a.yaml": manifest("a")}.write(t)
	if err := syscall.Mkfifo(filepath.Join(root, "b.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, found := validate(t, root, ".")
	if diff := cmp.Diff([]string{"fault b.yaml 0.0 : is not a regular file"}, got); diff != "" || found.Secrets != 1 {
		t.Errorf("%d Secrets, findings (-want +got):\n%s", found.Secrets, diff)
	}
	for _, name := range []string{"c.yaml", "d.yaml"} { // sparse
		write(t, filepath.Join(root, name), "")
		if err := os.Truncate(filepath.Join(root, name), 64<<20); err != nil {
			t.Fatal(err)
		}
	}
	got, found = validate(t, root, ".")
	if len(got) != 2 || !strings.HasSuffix(got[1], "more than 64 MiB") || found.Files != 0 {
		t.Errorf("got %d files and %q, want none read and one more finding", found.Files, got)
	}
}

func TestCheckReadsStandardInput(t *testing.T) {
	for name, tt := range map[string]struct {
		config manifests.CheckConfig
		want   string
	}{
		"a manifest":     {manifests.CheckConfig{Stdin: strings.NewReader(manifest("a"))}, ""},
		"nothing":        {manifests.CheckConfig{}, "holds no document"},
		"a broken pipe":  {manifests.CheckConfig{Stdin: iotest.ErrReader(errors.New("broken"))}, "broken"},
		"an endless one": {manifests.CheckConfig{Stdin: zeros{}}, "more than 64 MiB"},
		"a ConfigMap":    {manifests.CheckConfig{Stdin: strings.NewReader("{apiVersion: v1, kind: ConfigMap}")}, "there is no Secret in these files"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.Paths = []string{"-"}
			found, err := manifests.Check(t.Context(), tt.config)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range found.Findings {
				got += f.Problem.String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// zeros is input without an end.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestCheckFails(t *testing.T) {
	if _, err := manifests.Check(t.Context(), manifests.CheckConfig{LabelSelector: "a b"}); err == nil {
		t.Error("got no error for a selector that is none")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := files{"a.yaml": manifest("a")}.write(t)
	if _, err := manifests.Check(ctx, manifests.CheckConfig{Paths: []string{root}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}
