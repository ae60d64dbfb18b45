package languages_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// published returns the path of a snapshot that the program itself makes of Secrets with awkward content. Two of them are rejected, because
// their targets have the names of others.
func published(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	manifests := map[string][]byte{}
	for vector, configs := range awkward() {
		for i, config := range configs {
			name := fmt.Sprintf("%s-%d", vector, i)
			manifests[name+".json"] = toJSON(t, map[string]any{
				"apiVersion": "v1", "kind": "Secret",
				"metadata":   map[string]any{"name": name, "labels": map[string]string{"publishing-target": "true"}},
				"stringData": map[string]string{"config": config},
			})
		}
	}
	writeAll(t, dir, manifests)
	path := filepath.Join(t.TempDir(), "targets.json")
	output(t, dir, sidecar.Binary(t), "--once", "--manifests", dir, "--snapshot-path", path)
	return path
}

// readPublished checks that a reader reads what the program publishes as the Go reader does.
func readPublished(t *testing.T, command []string, path string, want result) {
	t.Helper()
	all := []vector{{Name: "published", Steps: []step{{File: path, result: want}}}}
	compare(t, all, try(t, command, t.TempDir(), all))
}
