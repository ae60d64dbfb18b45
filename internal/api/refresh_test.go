package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

func TestRefreshAnswers(t *testing.T) {
	checkAnswers(t, []answerCase{
		{
			name:    "refresh is accepted",
			request: post(""),
			code:    202,
			body:    `{"message":"Refresh triggered","request_id":"req-1","refresh_started_at":"2026-01-02T10:30:45.123Z","instance":"alert-history-0"}`,
		},
		{
			name:    "refresh already runs",
			engine:  func(e *fakeEngine) { e.refuseWith(busy()) },
			request: post(""),
			code:    503,
			headers: map[string]string{"Retry-After": "1"},
			body: `{"error":"refresh_in_progress","message":"Target refresh already running",` +
				`"started_at":"2026-01-02T10:30:45.123Z","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "refresh is rate limited",
			engine:  func(e *fakeEngine) { e.refuseWith(&targetsync.RateLimitError{RetryAfter: 44*time.Second + 1}) },
			request: post(""),
			code:    429,
			headers: map[string]string{"Retry-After": "45"},
			body: `{"error":"rate_limited","message":"Too many manual refreshes: the next is allowed in 45 s",` +
				`"retry_after_seconds":45,"request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "rate limit that ends now does not invite a hot loop",
			engine:  func(e *fakeEngine) { e.refuseWith(&targetsync.RateLimitError{}) },
			request: post(""),
			code:    429,
			headers: map[string]string{"Retry-After": "1"},
			body: `{"error":"rate_limited","message":"Too many manual refreshes: the next is allowed in 1 s",` +
				`"retry_after_seconds":1,"request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "refreshing has not started",
			engine:  func(e *fakeEngine) { e.refuseWith(targetsync.ErrNotStarted) },
			request: post(""),
			code:    503,
			body:    `{"error":"not_started","message":"Target refresh has not started yet","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "refresh while shutting down, error wrapped",
			engine:  func(e *fakeEngine) { e.refuseWith(fmt.Errorf("asking the engine: %w", targetsync.ErrStopped)) },
			request: post(""),
			code:    503,
			body:    `{"error":"shutting_down","message":"Shutting down","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "refresh meets an unknown error",
			engine:  func(e *fakeEngine) { e.refuseWith(errors.New("the mailbox is on fire")) },
			request: post(""),
			code:    500,
			body:    `{"error":"internal","message":"Internal error","request_id":"req-1","instance":"alert-history-0"}`,
		},
	})
}

func TestRefreshBody(t *testing.T) {
	const kib = 1 << 10
	tests := []struct {
		name string
		body io.Reader
		code int
		err  string
	}{
		{"none", http.NoBody, 202, ""},
		{"an empty object", strings.NewReader("{}"), 202, ""},
		{"an empty object with white space", strings.NewReader(" {\r\n\t} \n"), 202, ""},
		{"null", strings.NewReader("null"), 202, ""},
		{"null with white space", strings.NewReader("\tnull\n"), 202, ""},
		{"white space", strings.NewReader("\n"), 202, ""},
		{"exactly 1 KiB", strings.NewReader("{" + strings.Repeat(" ", kib-2) + "}"), 202, ""},
		{"1 KiB and a byte", strings.NewReader("{" + strings.Repeat(" ", kib-1) + "}"), 413, "body_too_large"},
		{"too long, of unknown length", io.MultiReader(strings.NewReader(strings.Repeat(" ", kib+1))), 413, "body_too_large"},
		{"a member", strings.NewReader(`{"force":true}`), 400, "invalid_body"},
		{"an array", strings.NewReader("[]"), 400, "invalid_body"},
		{"null and more", strings.NewReader("null{}"), 400, "invalid_body"},
		{"two objects", strings.NewReader("{}{}"), 400, "invalid_body"},
		{"half an object", strings.NewReader("{"), 400, "invalid_body"},
		{"a form", strings.NewReader("a=b"), 400, "invalid_body"},
		{"one that breaks off", iotest.ErrReader(io.ErrUnexpectedEOF), 400, "invalid_body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			asked := false
			h.refresh = func(string) (*targetsync.Run, error) { asked = true; return run(), nil }
			w := h.do(httptest.NewRequest(http.MethodPost, refreshPath, tt.body))
			if w.Code != tt.code {
				t.Errorf("got code %d, want %d", w.Code, tt.code)
			}
			if asked != (tt.code == 202) {
				t.Errorf("got engine asked: %t, want it only for 202", asked)
			}
			if tt.err == "" {
				return
			}
			want := fmt.Sprintf(`{"error":%q,"message":"The body must be empty or {}","request_id":"req-1","instance":"alert-history-0"}`+"\n", tt.err)
			if diff := cmp.Diff(want, w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// endless is a body that must not be read to its end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestRefreshReadsNoMoreOfABodyThanItsLimit(t *testing.T) {
	h := newHarness(t)
	body := &endless{}
	if w := h.do(httptest.NewRequest(http.MethodPost, refreshPath, body)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("got code %d, want 413", w.Code)
	}
	if body.read > 2<<10 {
		t.Errorf("got %d bytes read of an endless body, want about 1 KiB", body.read)
	}
}

func TestRefreshPassesItsRequestIDOn(t *testing.T) {
	h := newHarness(t)
	var got string
	h.refresh = func(id string) (*targetsync.Run, error) { got = id; return run(), nil }
	w := h.do(post(""))
	if want := w.Header().Get("X-Request-ID"); got != want {
		t.Errorf("got engine asked with ID %q, want the answer's %q", got, want)
	}
}

func TestRefreshLogsAnUnknownError(t *testing.T) {
	h := newHarness(t)
	h.refuseWith(errors.New("the mailbox is on fire"))
	h.do(post(""))
	lines := h.log.take(t)
	want := map[string]any{
		"level": "error", "error": "the mailbox is on fire", "request_id": "req-1",
		"message": "starting a refresh failed, none is running for this request",
	}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("first line (-want +got):\n%s", diff)
	}
}

func TestOneOfManyParallelRefreshesIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		var running atomic.Bool
		h.refresh = func(string) (*targetsync.Run, error) {
			if !running.CompareAndSwap(false, true) {
				return nil, busy()
			}
			return run(), nil
		}
		var codes [600]atomic.Int64
		var callers sync.WaitGroup
		for range 500 {
			callers.Go(func() { codes[h.post("192.0.2.1:1234").Code].Add(1) })
		}
		callers.Wait()
		if accepted, refused := codes[202].Load(), codes[503].Load(); accepted != 1 || refused != 499 {
			t.Errorf("got %d accepted and %d refused, want 1 and 499", accepted, refused)
		}
		if lines := h.log.take(t); len(lines) != 2 {
			t.Errorf("got %d audit lines, want one accepted and one refused: %v", len(lines), lines)
		}
	})
}
