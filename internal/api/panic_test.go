package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// hunter is a panic value whose text is a credential.
type hunter struct{ password string }

func (h hunter) Error() string { return h.password }

func TestPanicIsAnsweredAndKeepsItsValueSecret(t *testing.T) {
	h := newHarness(t)
	h.status = func() api.Status { panic(hunter{"hunter2"}) }
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
		`"level":"error"`, `"request_id":"req-1"`, `"path":"` + statusPath + `"`, `"panic_type":"api_test.hunter"`, "panic_test.go:",
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
	h.refresh = func(string) (api.Run, error) { panic("hunter2") }
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
