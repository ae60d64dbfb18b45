package manifests_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// canary stands for a credential.
const canary = "\u00a7canary\u00a7"

// exampleManifests returns the manifests that deploy/ ships, which have every shape of a target.
func exampleManifests(f *testing.F) []string {
	paths, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil || len(paths) == 0 {
		f.Fatalf("got %d examples, %v", len(paths), err)
	}
	var texts []string
	for _, path := range paths {
		text, err := os.ReadFile(path) // #nosec G304 -- a path of this repository
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// FuzzManifest reads any bytes as a file, with a canary at any place in them.
func FuzzManifest(f *testing.F) {
	for _, text := range append(exampleManifests(f),
		manifest("a"), manifest("a")+"---\n"+manifest("a"), "", "---\n...\n", "a: [", "\xff\xfe", "- 1", "? {a: b}\n: c", "&a [*a]", "a: !!binary x",
		"apiVersion: v1\nkind: List\nitems: [{}]", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","labels":{"publishing-target":"true"}},"data":{"a":1}}`,
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]",
	) {
		f.Add(text, true, uint16(7))
		f.Add(text, false, uint16(200))
	}
	m := newSource(f, "unused")
	f.Fuzz(func(t *testing.T, text string, isJSON bool, at uint16) {
		path := "a.yaml"
		if isJSON {
			path = "a.json"
		}
		i := min(int(at), len(text))
		for _, text := range []string{text, text[:i] + canary + text[i:]} {
			secrets, err := m.ReadManifest(path, []byte(text))
			var failure *source.Error
			if err != nil && (!errors.As(err, &failure) || strings.Contains(err.Error()+failure.Hint, canary)) {
				t.Fatalf("got error %q, want one without the content", err)
			}
			for _, s := range secrets {
				if (s.Entry == nil) == (s.Fault == nil) {
					t.Fatalf("got entry %v and fault %v, want exactly one", s.Entry, s.Fault)
				}
				if said := fmt.Sprintf("%q %+v", s.Warnings, s.Fault); strings.Contains(said, canary) {
					t.Fatalf("a credential leaks: %s", said)
				}
			}
		}
	})
}
