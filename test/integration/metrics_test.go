package integration_test

import (
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/exposition"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// A scrape configuration with params asks for some families only.
func TestMetricsByName(t *testing.T) {
	running := sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), "--manifests", filepath.Join(root, "deploy/examples"))
	const counter, histogram = "publishing_http_requests_total", "publishing_http_request_duration_seconds"
	for query, want := range map[string][]string{
		"?name[]=" + counter:                              {counter},
		"?name%5B%5D=" + counter:                          {counter},
		"?name[]=" + counter + "&name[]=" + histogram:     {histogram, counter},
		"?name[]=" + histogram + "_bucket&name[]=no_such": nil, // a series, and not a family
	} {
		code, text := running.Do(http.MethodGet, "/metrics"+query)
		families, err := exposition.Read(strings.NewReader(text))
		if err != nil || code != http.StatusOK {
			t.Fatalf("%s: got %d, %v", query, code, err)
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(families))); diff != "" {
			t.Errorf("%s: families (-want +got):\n%s", query, diff)
		}
	}
	if _, text := running.Do(http.MethodGet, "/metrics"); !strings.Contains(text, "\ngo_goroutines ") || !strings.Contains(text, "\n"+counter+"{") {
		t.Errorf("got no more than some families without a query:\n%s", text)
	}
}
