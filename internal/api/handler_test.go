package api_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

func TestNewReportsAllMissingFieldsAtOnce(t *testing.T) {
	_, err := api.New(api.Config{})
	if err == nil {
		t.Fatal("got no error for an empty Config")
	}
	for _, field := range []string{"Engine", "SnapshotPath", "Gatherer", "Instance"} {
		if want := "api: Config." + field + " is required"; !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
}

func TestNewReportsMetricsThatAreTaken(t *testing.T) {
	h := newHarness(t)
	if _, err := api.New(h.config()); err == nil || !strings.HasPrefix(err.Error(), "registering the request metrics: ") {
		t.Errorf("got %v for a second handler on one registry, want an error", err)
	}
}

func TestZeroRegistererAndLoggerWork(t *testing.T) {
	h := newHarnessWith(t, func(c *api.Config) { c.Registerer, c.Logger = nil, zerolog.Logger{} })
	if w := h.do(post("")); w.Code != 202 {
		t.Errorf("got code %d, want 202", w.Code)
	}
}

func TestDebugShowsEveryRequest(t *testing.T) {
	h := newHarnessWith(t, func(c *api.Config) { c.Logger = c.Logger.Level(zerolog.DebugLevel) })
	h.do(get("/hunter2"))
	text := h.log.takeText()
	for _, want := range []string{
		`"level":"debug"`, `"request_id":"req-1"`, `"method":"GET"`, `"path":"other"`, `"code":404`, `"duration_ms":`, `"message":"request answered"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %s in it", text, want)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("got the caller's path in the log: %s", text)
	}
}

func TestAnswersBesideTheRoutes(t *testing.T) {
	checkAnswers(t, []answerCase{
		{
			name:    "wrong method on a POST route",
			request: get(refreshPath),
			code:    405,
			headers: map[string]string{"Allow": "POST"},
			body:    `{"error":"method_not_allowed","message":"This path takes POST","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "HEAD is not POST",
			request: httptest.NewRequest(http.MethodHead, refreshPath, nil),
			code:    405,
			headers: map[string]string{"Allow": "POST"},
			body:    `{"error":"method_not_allowed","message":"This path takes POST","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "wrong method on a GET route",
			request: httptest.NewRequest(http.MethodPost, statusPath, nil),
			code:    405,
			headers: map[string]string{"Allow": "GET, HEAD"},
			body:    `{"error":"method_not_allowed","message":"This path takes GET, HEAD","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "method in lower case is another method",
			request: httptest.NewRequest("get", "/healthz", nil),
			code:    405,
			headers: map[string]string{"Allow": "GET, HEAD"},
			body:    `{"error":"method_not_allowed","message":"This path takes GET, HEAD","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "OPTIONS of the whole server",
			request: httptest.NewRequest(http.MethodOptions, "*", nil),
			code:    404,
			body:    `{"error":"not_found","message":"No such path","request_id":"req-1","instance":"alert-history-0"}`,
		},
	})
}

func TestPathsMatchExactly(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{
		"//", "/index.html", "/healthz/", "//healthz", "/./healthz", "/metrics/../healthz", "/Healthz", "/%68ealthz", "/healthz%2F", "/healthz%20",
		"/api/v2/publishing/targets%2Fstatus", statusPath + "/", "/debug/pprof/",
	} {
		w := h.do(get(path))
		if w.Code != http.StatusNotFound || w.Header().Get("Location") != "" {
			t.Errorf("GET %s: got %d, Location %q, want 404 and no redirect", path, w.Code, w.Header().Get("Location"))
		}
		if strings.Contains(w.Body.String(), "healthz") {
			t.Errorf("GET %s: got a body that repeats the caller: %s", path, w.Body)
		}
	}
	if w := h.do(get("/healthz?verbose=1")); w.Code != http.StatusOK {
		t.Errorf("got %d for a query on a GET route, want 200", w.Code)
	}
}

func TestHeadAnswersAsGetWithoutBody(t *testing.T) {
	h := newHarness(t)
	server := serve(t, api.ServerConfig{Handler: h.handler})
	for _, path := range []string{statusPath, "/healthz", "/readyz", "/metrics", "/nowhere"} {
		head := server.do(t, http.MethodHead, path, nil)
		if head.body != "" {
			t.Errorf("HEAD %s: got body %q, want none", path, head.body)
		}
		full := server.do(t, http.MethodGet, path, nil)
		if head.code != full.code {
			t.Errorf("HEAD %s: got code %d, want GET's %d", path, head.code, full.code)
		}
		if path != "/metrics" && head.header.Get("Content-Length") != full.header.Get("Content-Length") {
			t.Errorf("HEAD %s: got Content-Length %s, want GET's %s", path, head.header.Get("Content-Length"), full.header.Get("Content-Length"))
		}
	}
}

// TestServerAnswersWhatTheMuxWouldNot shows that answers keep their shape where net/http likes to answer by itself.
func TestServerAnswersWhatTheMuxWouldNot(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler})
	conn := server.dial(t)
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: req-1\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HTTP/1.1 404 Not Found\r\n", "X-Request-Id: req-1\r\n", `{"error":"not_found",`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("got %q, want %q in it", raw, want)
		}
	}
}

// hunter is a panic value whose text is a credential.
type hunter struct{ password string }

func (h hunter) Error() string { return h.password }

func TestPanicIsAnsweredAndKeepsItsValueSecret(t *testing.T) {
	h := newHarness(t)
	h.status = func() targetsync.RefreshStatus { panic(hunter{"hunter2"}) }
	w := h.do(get(statusPath))
	const want = `{"error":"internal","message":"Internal error","request_id":"req-1","instance":"alert-history-0"}` + "\n"
	if w.Code != http.StatusInternalServerError || w.Body.String() != want {
		t.Errorf("got %d %s, want 500 %s", w.Code, w.Body, want)
	}
	text := h.log.takeText()
	if strings.Contains(text, "hunter2") {
		t.Errorf("got the panic's text in the log: %s", text)
	}
	for _, want := range []string{
		`"level":"error"`, `"request_id":"req-1"`, `"path":"` + statusPath + `"`, `"panic_type":"api_test.hunter"`, "handler_test.go:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got log %s, want %s in it", text, want)
		}
	}
	if w := h.do(get("/healthz")); w.Code != http.StatusOK {
		t.Errorf("got %d after a panic, want the server to go on", w.Code)
	}
}

func TestPanicOfARefreshIsAuditedAndCounted(t *testing.T) {
	h := newHarness(t)
	h.refresh = func(string) (*targetsync.Run, error) { panic("hunter2") }
	h.do(post(""))
	lines := h.log.take(t)
	if len(lines) != 2 {
		t.Fatalf("got %d lines, want one of the audit and one of the panic: %v", len(lines), lines)
	}
	got := []any{lines[0]["message"], lines[0]["outcome"], lines[0]["code"]}
	if diff := cmp.Diff([]any{"refresh requested", "internal", 500.0}, got); diff != "" {
		t.Errorf("audit line (-want +got):\n%s", diff)
	}
	if got := countOf(t, h, refreshPath, "POST", "500"); got != 1 {
		t.Errorf("got %v requests counted with 500, want 1", got)
	}
}

// brokenWriter panics when the body is written, so after the header.
type brokenWriter struct{ *httptest.ResponseRecorder }

func (brokenWriter) Write([]byte) (int, error) { panic(errors.New("hunter2")) }

func TestPanicAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	// One handler sends its code first, the other leaves it to net/http.
	for _, path := range []string{"/healthz", "/metrics"} {
		t.Run(path, func(t *testing.T) {
			h := newHarness(t)
			defer func() {
				if got := recover(); got != http.ErrAbortHandler {
					t.Errorf("got panic %v, want http.ErrAbortHandler", got)
				}
				if got := countOf(t, h, path, "GET", "200"); got != 1 {
					t.Errorf("got %v requests counted with the code that was sent, want 1", got)
				}
			}()
			h.handler.ServeHTTP(brokenWriter{httptest.NewRecorder()}, get(path))
		})
	}
}
