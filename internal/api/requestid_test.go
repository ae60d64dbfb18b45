package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
)

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
