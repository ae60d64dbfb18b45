package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

func TestAuditLine(t *testing.T) {
	long := strings.Repeat("é", 200)
	tests := []struct {
		name      string
		refuse    error
		userAgent string
		want      map[string]any
	}{
		{"accepted", nil, "curl/8", map[string]any{"outcome": "accepted", "code": 202.0, "user_agent": "curl/8"}},
		{"refused", targetsync.ErrNotStarted, "curl/8", map[string]any{"outcome": "not_started", "code": 503.0, "user_agent": "curl/8"}},
		{"no user agent", nil, "", map[string]any{"outcome": "accepted", "code": 202.0, "user_agent": ""}},
		{"long user agent", nil, long, map[string]any{"outcome": "accepted", "code": 202.0, "user_agent": strings.Repeat("é", 128)}},
		{
			"user agent that forges a line", nil, "x\"}\n{\"outcome\":\"forged\"\x00\xff",
			map[string]any{"outcome": "accepted", "code": 202.0, "user_agent": "x\"}\n{\"outcome\":\"forged\"\x00\ufffd"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			if tt.refuse != nil {
				h.refuseWith(tt.refuse)
			}
			r := post("")
			r.RemoteAddr = "192.0.2.1:1234"
			r.Header.Set("User-Agent", tt.userAgent)
			r.Header.Set("X-Forwarded-For", "198.51.100.7")
			h.do(r)
			tt.want["level"], tt.want["message"] = "info", "refresh requested"
			tt.want["request_id"], tt.want["remote_address"] = "req-1", "192.0.2.1:1234"
			if diff := cmp.Diff([]map[string]any{tt.want}, h.log.take(t)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyRefreshRequestsLeaveALine(t *testing.T) {
	h := newHarness(t)
	for _, r := range []*http.Request{get(statusPath), get(refreshPath), get("/healthz"), get("/nowhere"), get("/metrics")} {
		h.do(r)
	}
	if text := h.log.takeText(); text != "" {
		t.Errorf("got %s, want no log above DEBUG", text)
	}
}

// outcomes shortens audit lines to "outcome" or "outcome+suppressed".
func outcomes(lines []map[string]any) []string {
	var short []string
	for _, line := range lines {
		s := fmt.Sprint(line["outcome"])
		if n, ok := line["suppressed"]; ok {
			s += fmt.Sprintf("+%v", n)
		}
		short = append(short, s)
	}
	return short
}

// flood is one step of a flood and what it leaves in the log.
type flood struct {
	after  time.Duration // since the step before
	from   string        // remote address
	refuse error         // nil: accepted
	want   []string
}

func TestFloodControl(t *testing.T) {
	busy, early := busy(), error(&targetsync.RateLimitError{RetryAfter: time.Second})
	tests := []struct {
		name  string
		steps []flood
	}{
		{"one line per refusal and window, with the count of the others", []flood{
			{0, "192.0.2.1:1", busy, []string{"refresh_in_progress"}},
			{0, "192.0.2.1:1", busy, nil},
			{0, "192.0.2.1:1", busy, nil},
			{10*time.Second - 1, "192.0.2.1:1", busy, nil},
			{1, "192.0.2.1:1", busy, []string{"refresh_in_progress+3"}},
			{time.Second, "192.0.2.1:1", busy, nil},
			{9 * time.Second, "192.0.2.1:1", busy, []string{"refresh_in_progress+1"}},
			{10 * time.Second, "192.0.2.1:1", busy, []string{"refresh_in_progress"}},
		}},
		{"a new port is the same address", []flood{
			{0, "192.0.2.1:1", busy, []string{"refresh_in_progress"}},
			{0, "192.0.2.1:2", busy, nil},
			{0, "[::ffff:192.0.2.1]:3", busy, nil},
		}},
		{"another address has its own line", []flood{
			{0, "192.0.2.1:1", busy, []string{"refresh_in_progress"}},
			{0, "192.0.2.2:1", busy, []string{"refresh_in_progress"}},
			{0, "[2001:db8::1]:1", busy, []string{"refresh_in_progress"}},
			{0, "@", busy, []string{"refresh_in_progress"}},
		}},
		{"another refusal has its own line", []flood{
			{0, "192.0.2.1:1", busy, []string{"refresh_in_progress"}},
			{0, "192.0.2.1:1", early, []string{"rate_limited"}},
			{0, "192.0.2.1:1", early, nil},
		}},
		{"accepted requests are never left out", []flood{
			{0, "192.0.2.1:1", nil, []string{"accepted"}},
			{0, "192.0.2.1:1", nil, []string{"accepted"}},
		}},
		{"counts that nothing follows are reported by whoever comes next", []flood{
			{0, "192.0.2.2:1", busy, []string{"refresh_in_progress"}},
			{0, "192.0.2.2:1", busy, nil},
			{0, "192.0.2.1:1", early, []string{"rate_limited"}},
			{0, "192.0.2.1:1", early, nil},
			{0, "192.0.2.1:1", early, nil},
			{0, "192.0.2.1:1", busy, []string{"refresh_in_progress"}},
			{0, "192.0.2.1:1", busy, nil},
			{9 * time.Second, "192.0.2.3:1", nil, []string{"accepted"}},
			{time.Second, "192.0.2.3:1", nil, []string{"accepted", "rate_limited+2", "refresh_in_progress+1", "refresh_in_progress+1"}},
			{time.Minute, "192.0.2.3:1", nil, []string{"accepted"}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				for i, step := range tt.steps {
					time.Sleep(step.after)
					h.refresh = nil
					if step.refuse != nil {
						h.refuseWith(step.refuse)
					}
					h.post(step.from)
					if diff := cmp.Diff(step.want, outcomes(h.log.take(t))); diff != "" {
						t.Errorf("step %d (-want +got):\n%s", i, diff)
					}
				}
			})
		})
	}
}

func TestSettledCountsNameTheirAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.refuseWith(targetsync.ErrNotStarted)
		h.post("192.0.2.1:1")
		h.post("192.0.2.1:2")
		h.log.take(t)
		time.Sleep(10 * time.Second)
		h.post("192.0.2.2:1")
		lines := h.log.take(t)
		want := map[string]any{
			"level": "info", "message": "refresh requests were refused without a line of their own",
			"remote_address": "192.0.2.1", "outcome": "not_started", "suppressed": 1.0,
		}
		if diff := cmp.Diff(want, lines[len(lines)-1]); diff != "" {
			t.Errorf("last line (-want +got):\n%s", diff)
		}
	})
}

// TestFloodOfAddresses shows by the number of lines that memory is bounded: an address without a tally of its own is counted with the
// others that have none.
func TestFloodOfAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.refuseWith(targetsync.ErrNotStarted)
		for i := range 2000 {
			h.post(fmt.Sprintf("[2001:db8::%x]:1", i))
		}
		if n := len(h.log.take(t)); n != 257 {
			t.Errorf("got %d lines for 2000 addresses, want 256 and one for all others", n)
		}
		time.Sleep(10 * time.Second)
		h.refresh = nil
		h.post("192.0.2.1:1")
		want := []string{"accepted", "not_started+1743"}
		if diff := cmp.Diff(want, outcomes(h.log.take(t))); diff != "" {
			t.Errorf("lines after the flood (-want +got):\n%s", diff)
		}
		h.refuseWith(targetsync.ErrNotStarted)
		h.post("[2001:db8::ffff]:1")
		if diff := cmp.Diff([]string{"not_started"}, outcomes(h.log.take(t))); diff != "" {
			t.Errorf("a new address after the flood (-want +got):\n%s", diff)
		}
	})
}
