package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

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
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Request-ID: req-1\r\nConnection: close\r\n\r\n"); err != nil {
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
