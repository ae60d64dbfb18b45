package sync_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
)

func TestRefreshesAtOnceAndThenPeriodically(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		if got := h.GetStatus(); got.State != sync.StateIdle || got.Ready {
			t.Errorf("before the start: got %s, ready %t; want idle, not ready", got.State, got.Ready)
		}
		h.start()
		h.expectNames("a")
		first := h.GetStatus()
		if first.State != sync.StateSuccess || !first.Ready || first.LastTrigger != sync.TriggerStartup || !first.NextRefresh.Equal(h.born.Add(5*time.Minute)) {
			t.Errorf("after the first: got %+v", first)
		}
		h.cluster.put(t, testNamespace, "b", "https://b")
		h.pass(5*time.Minute - time.Millisecond)
		h.expectNames("a")
		h.pass(time.Millisecond)
		h.expectNames("a b")
		h.pass(5 * time.Minute)
		if diff := cmp.Diff([]time.Duration{0, 5 * time.Minute, 10 * time.Minute}, h.cluster.listTimes()); diff != "" {
			t.Errorf("LISTs (-want +got):\n%s", diff)
		}
		d := h.published()
		if d.Generation != 2 || !d.RefreshedAt.Equal(h.born.Add(10*time.Minute)) || !d.ChangedAt.Equal(h.born.Add(5*time.Minute)) {
			t.Errorf("a heartbeat moves refreshed_at only: got generation %d, refreshed %s, changed %s", d.Generation, d.RefreshedAt, d.ChangedAt)
		}
		if !d.StaleAfter.Equal(d.RefreshedAt.Add(10 * time.Minute)) {
			t.Errorf("got stale_after %s, want ten minutes after %s", d.StaleAfter, d.RefreshedAt)
		}
		if got := h.metric(`publishing_refresh_total{status="success"}`); got != 3 {
			t.Errorf("got %v successes counted, want 3", got)
		}
	})
}

func TestRecoversByTheExactSchedule(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.fail(transient())
		h.pass(5 * time.Minute)
		h.pass(25 * time.Minute)
		m := time.Minute
		want := []time.Duration{0, 5 * m, 5*m + 30*time.Second, 6*m + 30*time.Second, 8*m + 30*time.Second, 13*m + 30*time.Second,
			18*m + 30*time.Second, 23*m + 30*time.Second, 24 * m, 25 * m, 27 * m}
		if diff := cmp.Diff(want, h.cluster.listTimes()); diff != "" {
			t.Errorf("LISTs (-want +got):\n%s", diff)
		}
		h.expectNames("a")
		if s := h.GetStatus(); s.State != sync.StateFailed || s.ConsecutiveFailures != 10 || s.ErrorClass != sync.ClassTransient ||
			!s.LastRefresh.Equal(h.born) || s.Error == "" || s.Hint == "" {
			t.Errorf("during the outage: got %+v", s)
		}
		if got := len(h.logLines("targets are not being refreshed: changes of Secrets do not reach the app until this is fixed")); got != 1 {
			t.Errorf("got %d ERROR lines for the outage, want 1", got)
		}
		h.cluster.fail(nil)
		h.pass(3 * time.Minute)
		if s := h.GetStatus(); s.State != sync.StateSuccess || s.ConsecutiveFailures != 0 || s.Error != "" {
			t.Errorf("after the outage: got %+v", s)
		}
	})
}

func TestNextRefreshIsTrueInEveryState(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		outcomes := []error{transient(), transient(), permanent(), denied(), denied(), nil, transient(), transient(), transient(), transient(),
			transient(), transient(), nil}
		for i, err := range outcomes {
			h.cluster.fail(err)
			next := h.GetStatus().NextRefresh
			h.pass(time.Until(next))
			lists := h.cluster.listTimes()
			if got := h.born.Add(lists[len(lists)-1]); len(lists) != i+2 || !got.Equal(next) {
				t.Errorf("attempt %d: next_refresh said %s, LIST %d began at %s", i+2, next, len(lists), got)
			}
		}
	})
}

func TestRetryAfterOfTheServerIsHonoured(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		h.cluster.fail(&source.Error{Type: source.APIError, RetryAfter: 45 * time.Second, Err: errors.New("429 Too Many Requests")})
		h.pass(5*time.Minute + 45*time.Second)
		if diff := cmp.Diff([]time.Duration{0, 5 * time.Minute, 5*time.Minute + 45*time.Second}, h.cluster.listTimes()); diff != "" {
			t.Errorf("LISTs (-want +got):\n%s", diff)
		}
	})
}

func TestStartupRetriesByItsOwnList(t *testing.T) {
	for name, err := range map[string]error{"transient": transient(), "permanent": permanent(), "denied": denied(), "unknown": errors.New("odd")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(h *harness) {
				h.cluster.fail(err)
				h.start()
				h.pass(80 * time.Second)
				s := time.Second
				if diff := cmp.Diff([]time.Duration{0, 1 * s, 3 * s, 8 * s, 18 * s, 48 * s, 78 * s}, h.cluster.listTimes()); diff != "" {
					t.Errorf("LISTs (-want +got):\n%s", diff)
				}
				h.expectNames("no file")
				if h.GetStatus().Ready {
					t.Error("ready without a snapshot")
				}
			})
		})
	}
}

func TestADenialIsTriedAgainAfterSecondsAndAMinuteThenWaits(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		h.cluster.fail(denied())
		for _, wait := range []time.Duration{5 * time.Minute, 5 * time.Second} {
			h.pass(wait)
			if s := h.GetStatus(); s.State != sync.StateFailed || s.ErrorClass != sync.ClassTransient {
				t.Errorf("after %s: got %s of class %s, want a transient failure", wait, s.State, s.ErrorClass)
			}
		}
		h.pass(time.Minute)
		if s := h.GetStatus(); s.ErrorClass != sync.ClassPermanent || s.Hint != "grant list" {
			t.Errorf("the third denial: got class %s, hint %q; want permanent with the hint", s.ErrorClass, s.Hint)
		}
		if got := h.metric(`publishing_refresh_failing{class="permanent"}`); got != 1 {
			t.Errorf("got failing gauge %v, want 1", got)
		}
		h.pass(10 * time.Minute)
		m, third := time.Minute, 6*time.Minute+5*time.Second
		if diff := cmp.Diff([]time.Duration{0, 5 * m, 5*m + 5*time.Second, third, third + 5*m, third + 10*m}, h.cluster.listTimes()); diff != "" {
			t.Errorf("LISTs (-want +got):\n%s", diff)
		}
	})
}

func TestASlowAPIServerTimesOutEachAttemptOnItsOwn(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.set(func(c *cluster) { c.hang = true })
		h.pass(5 * time.Minute)
		if s := h.GetStatus(); s.State != sync.StateInProgress || !s.NextRefresh.IsZero() || s.InProgressSince.IsZero() {
			t.Errorf("during the LIST: got %+v", s)
		}
		h.pass(30 * time.Second)
		if s := h.GetStatus(); s.State != sync.StateFailed || s.Duration != 30*time.Second {
			t.Errorf("after the timeout: got %s after %s, want failed after 30s", s.State, s.Duration)
		}
		h.pass(2 * time.Minute)
		m := time.Minute
		// The second attempt starts 30 s after the end of the first and has 30 s of its own.
		if diff := cmp.Diff([]time.Duration{0, 5 * m, 6 * m, 7*m + 30*time.Second}, h.cluster.listTimes()); diff != "" {
			t.Errorf("LISTs (-want +got):\n%s", diff)
		}
		if got := h.metric(`publishing_refresh_errors_total{error_type="timeout"}`); got != 2 {
			t.Errorf("got %v timeouts counted, want 2", got)
		}
		h.cluster.set(func(c *cluster) { c.hang = false })
	})
}

func TestAManualRefreshRunsAtOnceAndOneAtATime(t *testing.T) {
	bubble(t, func(h *harness) { h.config.RateLimit = time.Minute }, func(h *harness) {
		if err := h.RefreshNow(); !errors.Is(err, sync.ErrNotStarted) {
			t.Errorf("before the start: got %v, want ErrNotStarted", err)
		}
		h.start()
		h.cluster.set(func(c *cluster) { c.delay = time.Second })
		run, err := h.Refresh("req-1")
		if err != nil {
			t.Fatal(err)
		}
		if s := h.GetStatus(); s.State != sync.StateInProgress || s.LastTrigger != sync.TriggerManual || s.LastManual.RequestID != "req-1" {
			t.Errorf("at once: got %+v", s)
		}
		err = h.RefreshNow()
		if running, ok := errors.AsType[*sync.InProgressError](err); !ok || !errors.Is(err, sync.ErrRefreshInProgress) || running.Run != run {
			t.Errorf("a second one: got %v, want InProgressError of the first", err)
		}
		status, err := run.Wait(h.t.Context())
		if err != nil || status.State != sync.StateSuccess || status.Duration != time.Second {
			t.Errorf("its end: got %s after %s, error %v", status.State, status.Duration, err)
		}
		if m := status.LastManual; m.State != sync.StateSuccess || m.FinishedAt.Sub(m.StartedAt) != time.Second {
			t.Errorf("last manual: got %+v", m)
		}
		err = h.RefreshNow()
		if limited, ok := errors.AsType[*sync.RateLimitError](err); !ok || limited.RetryAfter != 59*time.Second {
			t.Errorf("too soon: got %v, want a RateLimitError of 59s", err)
		}
		h.pass(59 * time.Second)
		if err := h.RefreshNow(); err != nil {
			t.Errorf("a minute later: %v", err)
		}
		h.pass(2 * time.Second)
	})
}

func TestOfManyConcurrentRequestsOneIsAccepted(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		h.cluster.set(func(c *cluster) { c.delay = time.Second })
		results := make(chan error, 1000)
		for range cap(results) {
			go func() { results <- h.RefreshNow() }()
		}
		accepted := 0
		for range cap(results) {
			if err := <-results; err == nil {
				accepted++
			} else if !errors.Is(err, sync.ErrRefreshInProgress) {
				t.Errorf("got %v, want ErrRefreshInProgress", err)
			}
		}
		if accepted != 1 {
			t.Errorf("got %d accepted, want 1", accepted)
		}
		h.pass(time.Second)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		h.cluster.set(func(c *cluster) { c.delay = 10 * time.Second })
		run, err := h.Refresh("id")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(h.t.Context(), time.Second)
		defer cancel()
		if _, err := run.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}

func TestTheRequestIDIsInEveryLineOfTheRefreshAndItsRetries(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		h.cluster.fail(transient())
		if _, err := h.Refresh("req-7"); err != nil {
			t.Fatal(err)
		}
		h.pass(91 * time.Second)
		lines := h.logLines("refresh failed, keeping the last snapshot")
		var got []string
		for _, line := range lines {
			got = append(got, line["request_id"].(string)+" "+line["trigger"].(string))
		}
		if diff := cmp.Diff([]string{"req-7 manual", "req-7 retry", "req-7 retry"}, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

func TestEveryLineOfARefreshCarriesItsRequestID(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.cluster.put(t, testNamespace, "b", "https://b")
		h.start()
		h.logs.Reset()
		h.cluster.spoil(testNamespace, "a")
		h.cluster.warn(testNamespace, "b", "is base64-encoded twice")
		h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
		if _, err := h.Refresh("req-9"); err != nil {
			t.Fatal(err)
		}
		h.pass(1500 * time.Millisecond)
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(2 * time.Second)
		var messages []string
		for line := range strings.Lines(h.logs.String()) {
			if !strings.Contains(line, `"request_id":"req-9"`) {
				t.Errorf("a line without the request ID: %s", line)
			}
			messages = append(messages, line[strings.LastIndex(line, `"message":`):])
		}
		if len(messages) != 6 {
			t.Errorf("got %d lines, want those of the start, warning, rejection, failure, second try and success: %v", len(messages), messages)
		}
	})
}

func TestNamespacesAreTheUnitOfFailure(t *testing.T) {
	t.Run("the others' news is published, the refresh failed and names it", func(t *testing.T) {
		bubble(t, twoNamespaces, func(h *harness) {
			h.cluster.put(t, "one", "a", "https://a")
			h.cluster.put(t, "two", "b", "https://b")
			h.start()
			h.cluster.set(func(c *cluster) { c.failing["two"] = transient() })
			h.cluster.put(t, "one", "c", "https://c")
			h.cluster.delete("two", "b")
			h.pass(5 * time.Minute)
			h.expectNames("a b c")
			s := h.GetStatus()
			if s.State != sync.StateFailed || !strings.Contains(s.Error, "namespace two") || strings.Contains(s.Error, "namespace one") {
				t.Errorf("got %s: %q, want failed and namespace two named", s.State, s.Error)
			}
			if s.Namespaces[0].Error != "" || s.Namespaces[1].Error == "" || s.Namespaces[0].Secrets != 2 {
				t.Errorf("got namespaces %+v", s.Namespaces)
			}
			if d := h.published(); !d.RefreshedAt.Equal(h.born) {
				t.Errorf("got refreshed_at %s, a failed refresh must not move it", d.RefreshedAt)
			}
		})
	})
	t.Run("the first snapshot waits for all", func(t *testing.T) {
		bubble(t, twoNamespaces, func(h *harness) {
			h.cluster.put(t, "one", "a", "https://a")
			h.cluster.set(func(c *cluster) { c.failing["two"] = denied() })
			h.start()
			h.pass(10 * time.Second)
			h.expectNames("no file")
			h.cluster.set(func(c *cluster) { c.failing["two"] = nil })
			h.pass(10 * time.Second)
			h.expectNames("a")
		})
	})
	t.Run("with an inherited file a silent namespace keeps its part", func(t *testing.T) {
		bubble(t, twoNamespaces, func(h *harness) {
			h.cluster.put(t, "one", "a", "https://a")
			h.cluster.put(t, "two", "b", "https://b")
			h.start()
			if err := h.Stop(time.Second); err != nil {
				t.Fatal(err)
			}
			h.cluster.set(func(c *cluster) { c.failing["two"] = transient() })
			h.cluster.put(t, "one", "c", "https://c")
			h.remake()
			h.start()
			h.expectNames("a b c")
			if got := h.published().Valid; got != 3 {
				t.Errorf("got %d valid, want 3", got)
			}
		})
	})
}

func TestAPanicIsThatRefreshsFailure(t *testing.T) {
	cases := map[string]func(h *harness, on bool){
		"while listing":    func(h *harness, on bool) { h.cluster.set(func(c *cluster) { c.panics = on }) },
		"while publishing": func(h *harness, on bool) { h.disk.set(func(d *disk) { d.panics = on }) },
	}
	for name, panics := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(h *harness) {
				h.cluster.put(t, testNamespace, "a", "https://a")
				h.start()
				panics(h, true)
				h.pass(5 * time.Minute)
				if s := h.GetStatus(); s.State != sync.StateFailed || !strings.Contains(s.Error, "panic") {
					t.Errorf("got %s: %q, want a failure by a panic", s.State, s.Error)
				}
				if got := h.metric(`publishing_refresh_errors_total{error_type="internal"}`); got != 1 {
					t.Errorf("got %v internal errors counted, want 1", got)
				}
				panics(h, false)
				h.pass(time.Minute)
				if s := h.GetStatus(); s.State != sync.StateSuccess {
					t.Errorf("afterwards: got %s: %q", s.State, s.Error)
				}
				if strings.Contains(h.logs.String(), "canary-value") || strings.Contains(h.GetStatus().Error, "canary-value") {
					t.Error("the panic's value was logged: it can quote a Secret")
				}
			})
		})
	}
}

func TestConfigurationFaultsAreReportedAtOnce(t *testing.T) {
	_, err := sync.New(sync.Config{Interval: -1, Jitter: -0.1, MaxRetries: -1, StartupBackoff: []time.Duration{0}, RateLimit: -1, MinTargets: -1, Attempts: -1})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"source", "publisher", "namespaces", "interval", "timeout", "max retries", "jitter", "retry backoff is empty",
		"startup backoff must be positive", "rate limit", "min targets", "attempts"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

// peek calls a function before each line of the log.
type peek struct {
	*logBuffer
	look func()
}

// Write implements io.Writer.
func (p peek) Write(line []byte) (int, error) {
	p.look()
	return p.logBuffer.Write(line)
}

// TestWhoWaitedForARefreshSeesIt: the status and the published document are those of the refresh as soon as it has ended.
func TestWhoWaitedForARefreshSeesIt(t *testing.T) {
	var look atomic.Pointer[func()]
	bubble(t, nil, func(h *harness) {
		h.config.Logger, h.config.Registerer = zerolog.New(peek{h.logs, func() {
			if look := look.Load(); look != nil {
				(*look)()
			}
		}}), nil
		manager, err := sync.New(h.config)
		if err != nil {
			t.Fatal(err)
		}
		h.DefaultRefreshManager = manager
		h.start()
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.cluster.set(func(c *cluster) { c.delay = time.Second })
		run, err := h.Refresh("first")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.RefreshAfter("second"); err != nil {
			t.Fatal(err)
		}
		looked := false
		inspect := func() {
			if looked || !hasEnded(run) {
				return
			}
			looked = true
			s, _ := run.Wait(h.t.Context())
			if got := h.GetStatus(); got.Snapshot != s.Snapshot || h.Published().Document.Generation != s.Snapshot.Generation {
				t.Errorf("the refresh ended with generation %d, then the status has %d, and %d is shown as published",
					s.Snapshot.Generation, got.Snapshot.Generation, h.Published().Document.Generation)
			}
		}
		look.Store(&inspect)
		h.pass(5 * time.Second)
		if !looked {
			t.Error("no line was written after the end")
		}
		look.Store(nil)
	})
}

// hasEnded reports whether who waits for a refresh has its result.
func hasEnded(run *sync.Run) bool {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 { // of two things that are ready, Wait takes any
		if _, err := run.Wait(over); !errors.Is(err, context.Canceled) {
			return true
		}
	}
	return false
}
