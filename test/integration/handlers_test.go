package integration_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

const admin = "X-Role"

// The app's own port answers as its clients know it: two calls come from the sidecar, behind the app's middleware, and all others from the app.
func TestRefreshAndStatusAreTheSidecarsAndTheRestIsTheApps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	running := sidecar.Start(t, path, "--manifests", filepath.Join(root, "deploy/examples"), "--rate-limit", "1h")
	app := startApp(t, path, running.URL)
	for _, c := range []struct {
		name, method, path, body string
		header                   http.Header
		code                     int
		want                     string // in the body
	}{
		{"the app's list", http.MethodGet, api, "", nil, http.StatusOK, `{"data":[{`},
		{"the app's lookup", http.MethodGet, api + "/slack-sre", "", nil, http.StatusOK, `"name":"slack-sre"`},
		{"no such target", http.MethodGet, api + "/nobody", "", nil, http.StatusNotFound, `"error":"target_not_found"`},
		{"the app's other calls", http.MethodPost, api + "/slack-sre/test", "", nil, http.StatusNotFound, "404 page not found"},
		{"no other path of the sidecar", http.MethodGet, "/healthz", "", nil, http.StatusNotFound, "404 page not found"},
		{"no way around the path", http.MethodGet, api + "/status/../../../../../healthz", "", nil, http.StatusNotFound, "404 page not found"},
		{"another method", http.MethodGet, api + "/refresh", "", http.Header{admin: {"admin"}}, http.StatusNotFound, `"error":"target_not_found"`},
		{"status", http.MethodGet, api + "/status", "", nil, http.StatusOK, `"targets_valid":6`},
		{"never", http.MethodGet, api + "/status", "", nil, http.StatusOK, `"in_progress_since":""`},
		{"refresh by anybody", http.MethodPost, api + "/refresh", "", nil, http.StatusForbidden, `"error":"admin_only"`},
		{"a body", http.MethodPost, api + "/refresh", `{"force":true}`, http.Header{admin: {"admin"}}, http.StatusBadRequest, `"error":"invalid_request"`},
		{"a query", http.MethodPost, api + "/refresh?wait=1h", "", http.Header{admin: {"admin"}}, http.StatusBadRequest, `"error":"invalid_request"`},
		{"a page of another site", http.MethodPost, api + "/refresh", "", http.Header{admin: {"admin"}, "Origin": {"http://elsewhere.example"}},
			http.StatusForbidden, `"error":"cross_origin"`},
		{"the app's own page, waiting", http.MethodPost, api + "/refresh?wait=30s", "", http.Header{admin: {"admin"}, "Origin": {app.url}, "X-Request-Id": {"deploy-42"}},
			http.StatusOK, `"request_id":"deploy-42"`},
		{"too soon", http.MethodPost, api + "/refresh", "", http.Header{admin: {"admin"}}, http.StatusTooManyRequests, `"error":"rate_limit_exceeded"`},
		{"the reader's metrics", http.MethodGet, "/metrics", "", nil, http.StatusOK, "\ntargetsfile_targets 6\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := app.do(c.method, c.path, c.body, c.header)
			if response.StatusCode != c.code || !strings.Contains(body, c.want) {
				t.Errorf("got %d %s, want %d and %s", response.StatusCode, body, c.code, c.want)
			}
			if c.code == http.StatusTooManyRequests && response.Header.Get("Retry-After") == "" {
				t.Error("Retry-After is missing")
			}
		})
	}
}

// The app goes on with its targets when the sidecar is away, and says so on the calls that need it.
func TestWithoutASidecarTheAppGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	targetsfiletest.WriteSnapshot(t, path, targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/in"})
	for name, url := range map[string]string{"away": "http://" + loopback.Address(t), "none": ""} {
		t.Run(name, func(t *testing.T) {
			app := startApp(t, path, url)
			for method, path := range map[string]string{http.MethodGet: "/status", http.MethodPost: "/refresh"} {
				response, body := app.do(method, api+path, "", http.Header{admin: {"admin"}})
				if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, `"error":"manager_not_started"`) {
					t.Errorf("%s: got %d %s, want 503 manager_not_started", path, response.StatusCode, body)
				}
			}
			if response, body := app.do(http.MethodGet, api+"/hook", "", nil); response.StatusCode != http.StatusOK {
				t.Errorf("lookup: got %d %s, want 200", response.StatusCode, body)
			}
		})
	}
}
