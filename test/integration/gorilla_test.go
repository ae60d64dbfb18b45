package integration_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// handleOnGorilla is what the guide shows.
func handleOnGorilla(router *mux.Router, targets *discovery.Discovery[string]) {
	// gorilla/mux takes the first route that matches: these two stand before the app's /{name}.
	publishing := router.PathPrefix("/api/v2/publishing/targets").Subrouter()
	publishing.Handle("/refresh", core.AdminOnly(targets.RefreshHandler())).Methods(http.MethodPost)
	publishing.Handle("/status", targets.StatusHandler()).Methods(http.MethodGet)

	publishing.HandleFunc("/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the app's "+mux.Vars(r)["name"])
	})
}

func TestGorilla(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	running := sidecar.Start(t, path, "--manifests", filepath.Join(root, "deploy/examples"))
	router := mux.NewRouter()
	handleOnGorilla(router, openNames(t, path, running.URL))
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	app := &app{t: t, url: server.URL}
	for _, c := range []struct {
		name, method, path, role string
		code                     int
		want                     string // in the body
	}{
		{"status", http.MethodGet, "/status", "", http.StatusOK, `"targets_valid":6`},
		{"refresh by anybody", http.MethodPost, "/refresh", "", http.StatusForbidden, `"error":"admin_only"`},
		{"refresh", http.MethodPost, "/refresh?wait=30s", "admin", http.StatusOK, `"status":"success"`},
		{"too soon, in the sidecar's own words", http.MethodPost, "/refresh", "admin", http.StatusTooManyRequests, `"error":"rate_limited"`},
		{"the app's route", http.MethodGet, "/slack-sre", "", http.StatusOK, "the app's slack-sre"},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := app.do(c.method, api+c.path, "", http.Header{admin: {c.role}})
			if response.StatusCode != c.code || !strings.Contains(body, c.want) {
				t.Errorf("got %d %s, want %d and %s", response.StatusCode, body, c.code, c.want)
			}
		})
	}
}
