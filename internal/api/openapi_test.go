package api_test

import (
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestOpenAPIDocumentIsServed(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := newHarness(t).do(get("/openapi.yaml"))
	if w.Code != http.StatusOK || w.Body.String() != string(want) || w.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("got %d %s and %d bytes, want the document", w.Code, w.Header().Get("Content-Type"), w.Body.Len())
	}
}

// TestOpenAPIDocumentKnowsTheRoutes compares it with the series that the handler starts with, one for each route, method and code of its
// table. That real answers have the shapes described is tested in test/openapi, as it takes a heavy library.
func TestOpenAPIDocumentKnowsTheRoutes(t *testing.T) {
	h := newHarness(t)
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	if err := yaml.Unmarshal(h.do(get("/openapi.yaml")).Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	described := make(map[string]bool)
	for path, operations := range document.Paths {
		for method, operation := range operations {
			for code := range operation.Responses {
				described[strings.ToUpper(method)+" "+path+" "+code] = true
			}
			if _, ok := operation.Responses["405"]; !ok {
				t.Errorf("%s %s: got no 405, want one: every path answers other methods", method, path)
			}
		}
	}
	maps.DeleteFunc(described, func(operation string, _ bool) bool { return strings.HasSuffix(operation, " 405") })
	known := make(map[string]bool)
	for series := range requestCounts(t, newHarness(t)) {
		known[series] = true
	}
	if diff := cmp.Diff(known, described); diff != "" {
		t.Errorf("operations and codes (-code +document):\n%s", diff)
	}
}
