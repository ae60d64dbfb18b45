// Package deploy tests what deploy/ ships: its tests apply all of it to a real API server, as kubectl apply --server-side would, and
// compare what is written twice.
package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dir is the path of deploy/ from a directory beside this one.
const dir = "../../deploy"

// Overlay is deploy/kustomize/example with something changed.
type Overlay struct {
	Component string   // the component in the place of sidecar
	Namespace string   // empty: alert-history
	Files     []string // files of deploy/ to apply with it
}

// Write writes the overlay, with the components, to a directory that goes with t, for kubectl apply -k.
func (o Overlay) Write(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join(dir, "kustomize"))); err != nil {
		t.Fatal(err)
	}
	example := filepath.Join(root, "example")
	text := readFile(t, filepath.Join(example, "kustomization.yaml"))
	text = strings.Replace(text, "- ../sidecar\n", "- ../"+o.Component+"\n", 1)
	if o.Namespace != "" {
		text = strings.Replace(text, "namespace: alert-history\n", "namespace: "+o.Namespace+"\n", 1)
	}
	for _, file := range o.Files {
		text = strings.Replace(text, "  - deployment.yaml\n", "  - deployment.yaml\n  - "+file+"\n", 1)
		writeFile(t, filepath.Join(example, file), readFile(t, filepath.Join(dir, file)))
	}
	writeFile(t, filepath.Join(example, "kustomization.yaml"), text)
	return example
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path) // #nosec G304 -- a path of this repository or of the test
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
