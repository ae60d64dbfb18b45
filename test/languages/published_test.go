package languages_test

import (
	"fmt"
	"path/filepath"
	"strings"
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

// A parser refuses the whole file when one target nests too deep for it. The least default limit that is known is that of System.Text.Json.
func TestDepthOfTheDeepestTarget(t *testing.T) {
	const most = 64
	deepest := awkward()["nested"][0]
	if decodeConfig(0, strings.Replace(deepest, "[]", "[[]]", 1), true).Fault == nil {
		t.Error("got a target that nests deeper than that of the vector nested, want a fault")
	}
	file := string(publication{generation: 1, configs: []string{deepest}}.write(t))
	levels, open := 0, 0
	for _, c := range file {
		switch c {
		case '{', '[':
			open++
			levels = max(levels, open)
		case '}', ']':
			open--
		}
	}
	if levels > most || levels < most-4 {
		t.Errorf("got %d levels, want nearly %d and no more", levels, most)
	}
}
