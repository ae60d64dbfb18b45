package discovery_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

// Which answers are changed, and how. Only what the app's clients know otherwise may differ.
func TestAnswersAreTranslated(t *testing.T) {
	const (
		jsonType   = "application/json; charset=utf-8"
		status     = `{"status":"idle", "last_refresh":null,"error":null,"snapshot":{"changed_at":null}}`
		refusal    = `{"message":"<later>","error":"rate_limited","retry_after_seconds":12345678901234567890}`
		other      = `{"error":"wait_timeout"}`
		notJSON    = `rate_limited`
		wrongJSON  = `{"error":`
		translated = `{"error":"rate_limit_exceeded","message":"\u003clater\u003e","retry_after_seconds":12345678901234567890}` + "\n"
	)
	codes := map[string]string{"rate_limited": "rate_limit_exceeded"}
	for _, test := range []struct {
		name        string
		config      discovery.Config[string]
		contentType string
		code        int
		body, want  string
	}{
		{"nothing to translate", discovery.Config[string]{}, jsonType, 200, status, status},
		{"times that have not come", discovery.Config[string]{EmptyForNever: true}, jsonType, 200, status,
			`{"error":null,"last_refresh":"","snapshot":{"changed_at":null},"status":"idle"}` + "\n"},
		{"an error", discovery.Config[string]{ErrorCodes: codes}, jsonType, 429, refusal, translated},
		{"an error that has no other name", discovery.Config[string]{ErrorCodes: codes}, jsonType, 504, other, other + "\n"},
		{"no JSON", discovery.Config[string]{ErrorCodes: codes}, "text/plain", 429, refusal, refusal},
		{"broken JSON", discovery.Config[string]{ErrorCodes: codes}, jsonType, 429, wrongJSON, wrongJSON},
		{"another program", discovery.Config[string]{ErrorCodes: codes}, jsonType, 502, notJSON, notJSON},
	} {
		t.Run(test.name, func(t *testing.T) {
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				w.WriteHeader(test.code)
				_, _ = io.WriteString(w, test.body)
			}))
			defer upstream.Close()
			d := openBeside(t, upstream.URL, test.config)
			answer := httptest.NewRecorder()
			d.StatusHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/anywhere", nil))
			if answer.Code != test.code || answer.Body.String() != test.want {
				t.Errorf("got %d %s, want %d %s", answer.Code, answer.Body, test.code, test.want)
			}
		})
	}
}

// A handler calls its one path, wherever the app has it, and the caller's request arrives otherwise as it was.
func TestHandlersCallOnePath(t *testing.T) {
	requests := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- strings.Join([]string{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Request-Id"), string(body)}, " ")
	}))
	defer upstream.Close()
	for base, prefix := range map[string]string{upstream.URL: "", upstream.URL + "/": "", upstream.URL + "/behind/": "/behind"} {
		d := openBeside(t, base, discovery.Config[string]{})
		for handler, want := range map[http.Handler]string{
			d.RefreshHandler(): "POST " + prefix + "/api/v2/publishing/targets/refresh?wait=5s Bearer t0ken deploy-42 {}",
			d.StatusHandler():  "POST " + prefix + "/api/v2/publishing/targets/status?wait=5s Bearer t0ken deploy-42 {}",
		} {
			request := httptest.NewRequest(http.MethodPost, "/api/v1/..%2f..%2fmetrics/../healthz?wait=5s", strings.NewReader("{}"))
			request.Header = http.Header{"Authorization": {"Bearer t0ken"}, "X-Request-Id": {"deploy-42"}}
			handler.ServeHTTP(httptest.NewRecorder(), request)
			if got := <-requests; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

// A page of the app's own origin is one of the sidecar's, and no other page is, whatever the site is called.
func TestHandlersPassOnWhoseThePageIs(t *testing.T) {
	var origin string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { origin = r.Header.Get("Origin") }))
	defer upstream.Close()
	d := openBeside(t, upstream.URL, discovery.Config[string]{})
	for given, want := range map[string]string{
		"": "", "https://app.example": upstream.URL, "https://app.example:444": "null", "https://elsewhere.example": "null", "null": "null",
		upstream.URL: "null", ":": "null", "app.example": "null",
	} {
		request := httptest.NewRequest(http.MethodPost, "https://app.example/refresh", nil)
		if given != "" {
			request.Header.Set("Origin", given)
		}
		d.RefreshHandler().ServeHTTP(httptest.NewRecorder(), request)
		if origin != want {
			t.Errorf("Origin %q: the sidecar got %q, want %q", given, origin, want)
		}
	}
}

// An answer too long to be translated arrives whole.
func TestALongAnswerArrivesWhole(t *testing.T) {
	long := `{"error":"rate_limited","x":"` + strings.Repeat("x", 2<<20) + `"}`
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, long)
	}))
	defer upstream.Close()
	d := openBeside(t, upstream.URL, discovery.Config[string]{ErrorCodes: map[string]string{"rate_limited": "rate_limit_exceeded"}})
	answer := httptest.NewRecorder()
	d.StatusHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	if got := answer.Body.String(); got != long {
		t.Errorf("got %d bytes, want all %d", len(got), len(long))
	}
}

func openBeside(t *testing.T, sidecarURL string, c discovery.Config[string]) *discovery.Discovery[string] {
	t.Helper()
	c.Path, c.Sidecar = filepath.Join(t.TempDir(), "targets.json"), sidecarURL
	targetsfiletest.WriteSnapshot(t, c.Path)
	return open(t, c)
}
