package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// answerCase is one outcome of a route. The cases of all tests together are the contract of the API: codes, headers, exact bodies.
type answerCase struct {
	name    string
	engine  func(*fakeEngine) // prepares the engine; nil: all is well
	request *http.Request
	code    int
	headers map[string]string // those that not every answer has
	body    string            // without the closing newline
}

func checkAnswers(t *testing.T, cases []answerCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			if tt.engine != nil {
				tt.engine(h.fakeEngine)
			}
			w := h.do(tt.request)
			if w.Code != tt.code {
				t.Errorf("got code %d, want %d", w.Code, tt.code)
			}
			if diff := cmp.Diff(tt.body+"\n", w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			want := map[string]string{
				"X-Request-Id": "req-1", "Content-Type": "application/json", "Content-Length": fmt.Sprint(len(tt.body) + 1),
			}
			maps.Copy(want, tt.headers)
			checkHeaders(t, w.Header(), want)
		})
	}
}

// checkHeaders compares all headers; the security headers are expected of every answer.
func checkHeaders(t *testing.T, got http.Header, want map[string]string) {
	t.Helper()
	all := http.Header{
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}
	for key, value := range want {
		all.Set(key, value)
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"every allowed kind of character", "AZaz09._-", true},
		{"one character", "x", true},
		{"128 characters", strings.Repeat("x", 128), true},
		{"129 characters", strings.Repeat("x", 129), false},
		{"none", "", false},
		{"a space", "a b", false},
		{"a line break", "a\r\nSet-Cookie: b", false},
		{"a letter beyond ASCII", "é", false},
		{"a slash", "a/b", false},
		{"neighbours of the ranges", "@", false},
		{"markup", "<b>", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			for _, path := range []string{statusPath, "/metrics", "/nowhere"} {
				r := get(path)
				r.Header.Set("X-Request-ID", tt.sent)
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				got := w.Header().Get("X-Request-ID")
				if tt.kept && got != tt.sent {
					t.Errorf("%s: got ID %q, want the caller's %q", path, got, tt.sent)
				}
				if _, err := uuid.Parse(got); !tt.kept && err != nil {
					t.Errorf("%s: got ID %q, want a UUID", path, got)
				}
			}
		})
	}
}

func TestGeneratedRequestIDsDiffer(t *testing.T) {
	h := newHarness(t)
	seen := map[string]bool{}
	for range 10 {
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		seen[w.Header().Get("X-Request-ID")] = true
	}
	if len(seen) != 10 {
		t.Errorf("got %d different IDs for 10 requests", len(seen))
	}
}
