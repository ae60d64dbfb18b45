package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// postWait asks for a refresh and for its end.
func postWait(wait string) *http.Request {
	return httptest.NewRequest(http.MethodPost, refreshPath+"?wait="+wait, nil)
}

// runFor is a refresh that ends after some time.
func runFor(took time.Duration) *targetsync.Run {
	run, end := targetsync.NewRun("req-0", started)
	time.AfterFunc(took, func() { end(fullStatus(), nil) })
	return run
}

func TestWaitAnswersWhenTheRefreshHasEnded(t *testing.T) {
	tests := []struct {
		name    string
		run     time.Duration
		joined  bool
		wait    string
		code    int
		err     string // in the body of an error
		outcome string // in the audit line
		took    time.Duration
	}{
		{"refresh ends", 18 * time.Second, false, "20s", 200, "", "accepted", 18 * time.Second},
		{"refresh of somebody else is joined", 18 * time.Second, true, "20s", 200, "", "joined", 18 * time.Second},
		{"longest wait", 59 * time.Second, false, "1m", 200, "", "accepted", 59 * time.Second},
		{"refresh takes longer", time.Minute, false, "10s", 504, "wait_timeout", "accepted", 10 * time.Second},
		{"joined refresh takes longer", time.Minute, true, "10ms", 504, "wait_timeout", "wait_timeout", 10 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.show(targetsync.RefreshStatus{State: targetsync.StateIdle}) // the answer is the run's status, not this
				h.refresh = func(string) (*targetsync.Run, error) { return runFor(tt.run), nil }
				h.joins = tt.joined
				begun := time.Now()
				w := h.do(postWait(tt.wait))
				if took := time.Since(begun); took != tt.took {
					t.Errorf("got the answer after %s, want %s", took, tt.took)
				}
				want := `{"status":"failed","last_refresh":"2026-01-02T10:30:01.005Z",`
				if tt.err != "" {
					want = `{"error":"wait_timeout","message":"The refresh has not ended in time, it goes on",` +
						`"started_at":"2026-01-02T10:30:45.123Z","request_id":"req-1","instance":"alert-history-0"}` + "\n"
				}
				if w.Code != tt.code || !strings.HasPrefix(w.Body.String(), want) {
					t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tt.code, want)
				}
				if diff := cmp.Diff([]string{tt.outcome}, outcomes(h.log.take(t))); diff != "" {
					t.Errorf("audit (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWaitAnswersWhatItCannotWaitFor(t *testing.T) {
	broken := func(err error) func(*fakeEngine) {
		return func(e *fakeEngine) {
			e.refresh = func(string) (*targetsync.Run, error) {
				run, end := targetsync.NewRun("req-0", started)
				end(targetsync.RefreshStatus{}, err)
				return run, nil
			}
		}
	}
	checkAnswers(t, []answerCase{
		{
			name:    "rate limited",
			engine:  func(e *fakeEngine) { e.refuseWith(&targetsync.RateLimitError{RetryAfter: time.Second}) },
			request: postWait("10s"),
			code:    429,
			headers: map[string]string{"Retry-After": "1"},
			body: `{"error":"rate_limited","message":"Too many manual refreshes: the next is allowed in 1 s",` +
				`"retry_after_seconds":1,"request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name: "the refresh has not even begun in time",
			engine: func(e *fakeEngine) {
				e.refresh = func(string) (*targetsync.Run, error) {
					run, _ := targetsync.NewRun("req-0", time.Time{})
					return run, nil
				}
			},
			request: postWait("1ms"),
			code:    504,
			body: `{"error":"wait_timeout","message":"The refresh has not begun in time, it follows the one that runs",` +
				`"request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "engine stops before the end",
			engine:  broken(fmt.Errorf("waiting: %w", targetsync.ErrStopped)),
			request: postWait("10s"),
			code:    503,
			body:    `{"error":"shutting_down","message":"Shutting down","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "unknown error",
			engine:  broken(errors.New("hunter2")),
			request: postWait("10s"),
			code:    500,
			body:    `{"error":"internal","message":"Internal error","request_id":"req-1","instance":"alert-history-0"}`,
		},
	})
}

func TestRefreshRefusesQueriesItDoesNotUnderstand(t *testing.T) {
	const (
		wait     = "wait must be a duration above 0s and up to 60s, such as 10s"
		unknown  = "Unknown query parameter: this call takes only wait"
		repeated = "The parameter wait is given more than once"
	)
	for query, message := range map[string]string{
		"wait": wait, "wait=": wait, "wait=10": wait, "wait=0s": wait, "wait=-1s": wait, "wait=60.001s": wait, "wait=9999999h": wait,
		"force": unknown, "wait=1s&force=1": unknown, "Wait=1s": unknown, "wait=1s&wait=1s": repeated,
		"%zz": "The query is malformed", "wait=1s;a": "The query is malformed",
	} {
		h := newHarness(t)
		h.refresh = func(string) (*targetsync.Run, error) {
			t.Errorf("%s: the engine was asked", query)
			return run(), nil
		}
		r := post("")
		r.URL.RawQuery = query
		w := h.do(r)
		want := fmt.Sprintf(`{"error":"invalid_query","message":%q,"request_id":"req-1","instance":"alert-history-0"}`+"\n", message)
		if w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want 400 %s", query, w.Code, w.Body, want)
		}
	}
}

func TestWaitersAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		asked := 0
		h.refresh = func(string) (*targetsync.Run, error) { asked++; return runFor(time.Second), nil }
		var waiters sync.WaitGroup
		for range 32 {
			waiters.Go(func() {
				if w := h.do(postWait("10s")); w.Code != http.StatusOK {
					t.Errorf("got %d for one of 32 waiters, want 200", w.Code)
				}
			})
			synctest.Wait()
		}
		w := h.do(postWait("10s"))
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"too_many_waiters"`) || w.Header().Get("Retry-After") != "1" {
			t.Errorf("got %d %s %v for the 33rd, want 503 too_many_waiters", w.Code, w.Body, w.Header())
		}
		if asked != 32 {
			t.Errorf("got the engine asked %d times, want 32: not for a caller who is refused", asked)
		}
		if w := h.do(post("")); w.Code != http.StatusAccepted {
			t.Errorf("got %d for one who does not wait, want 202", w.Code)
		}
		waiters.Wait()
		if w := h.do(postWait("10s")); w.Code != http.StatusOK {
			t.Errorf("got %d after the waiters left, want 200", w.Code)
		}
	})
}

// TestWaitOutlastsTheServersTimeouts shows that the write timeout does not cut the answer, and that the read timeout does not look like
// a client that left, which it did before net/http took to lifting it.
func TestWaitOutlastsTheServersTimeouts(t *testing.T) {
	h := newHarness(t)
	h.refresh = func(string) (*targetsync.Run, error) { return runFor(300 * time.Millisecond), nil }
	server := serve(t, api.ServerConfig{Handler: h.handler, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 100 * time.Millisecond})
	if got := server.do(t, http.MethodPost, refreshPath+"?wait=10s", nil); got.code != http.StatusOK {
		t.Errorf("got %d %s, want 200", got.code, got.body)
	}
}

// endlessRun is a refresh that does not end. Whoever asks for it is told to entered.
func endlessRun(entered chan<- struct{}) func(string) (*targetsync.Run, error) {
	return func(string) (*targetsync.Run, error) {
		run, _ := targetsync.NewRun("req-0", started)
		entered <- struct{}{}
		return run, nil
	}
}

func TestShutdownEndsAWait(t *testing.T) {
	h := newHarness(t)
	entered := make(chan struct{})
	h.refresh = endlessRun(entered)
	server := serve(t, api.ServerConfig{Handler: h.handler})
	answered := make(chan answer, 1)
	go func() {
		a, err := server.send(context.Background(), http.MethodPost, refreshPath+"?wait=60s", nil)
		if err != nil {
			t.Errorf("got %v, want an answer", err)
		}
		answered <- a
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if a := <-answered; a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, `"error":"shutting_down"`) {
		t.Errorf("got %d %s, want 503 shutting_down", a.code, a.body)
	}
}

func TestCallerWhoLeavesIsNotWaitedFor(t *testing.T) {
	h := newHarness(t)
	entered := make(chan struct{})
	h.refresh = endlessRun(entered)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-entered
		leave()
	}()
	h.do(postWait("60s").WithContext(ctx))
	if diff := cmp.Diff([]string{"accepted"}, outcomes(h.log.take(t))); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}
