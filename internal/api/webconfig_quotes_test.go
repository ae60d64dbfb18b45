package api_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

func TestAWebConfigThatIsBrokenLaterIsNotQuoted(t *testing.T) {
	path := writeWebConfig(t, user)
	var log logBuffer
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, WebConfigFile: path, Logger: zerolog.New(&log)})
	ask := func() int {
		resp, err := http.Get("http://" + server.Addr().String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if code := ask(); code != http.StatusUnauthorized { // and so it has read the file
		t.Errorf("got %d, want 401", code)
	}
	if err := os.WriteFile(path, []byte("basic_auth_users: hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := ask(); code != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", code)
	}
	complained := false
	for _, line := range log.take(t) {
		text, _ := line["err"].(string)
		complained = complained || text == "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str (a value) into map[string]config.Secret"
	}
	if !complained {
		t.Errorf("no line names the fault and not the password: %v", log.take(t))
	}
}
