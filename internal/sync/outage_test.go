package sync_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
)

// spoiled is a cluster of which one namespace's LIST hangs until its context ends, and then returns err.
type spoiled struct {
	*cluster
	hangs string
	err   error
}

// List implements sync.Source.
func (s *spoiled) List(ctx context.Context, namespace string) (source.Listing, error) {
	s.mu.Lock()
	hangs := namespace == s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return source.Listing{}, s.err
	}
	return s.cluster.List(ctx, namespace)
}

// hang lets the LISTs of a namespace hang, "" ends that.
func (s *spoiled) hang(namespace string) { s.set(func(*cluster) { s.hangs = namespace }) }

// twoNamespaces configures the namespaces one and two.
func twoNamespaces(h *harness) {
	h.config.Namespaces = []string{"one", "two"}
	h.config.Origin.Namespaces = h.config.Namespaces
}

func TestAHungNamespaceLeavesTheOthersTheirShareOfTheTime(t *testing.T) {
	source := &spoiled{err: &source.Error{Type: source.TimeoutError, Err: context.DeadlineExceeded}}
	bubble(t, func(h *harness) {
		twoNamespaces(h)
		source.cluster = h.cluster
		h.config.Source = source
	}, func(h *harness) {
		h.cluster.put(t, "one", "a", "https://a")
		h.cluster.put(t, "two", "b", "https://b")
		h.start()
		source.hang("one")
		h.cluster.put(t, "two", "c", "https://c")
		h.pass(5*time.Minute + 30*time.Second)
		h.expectNames("a b c")
		if n := h.GetStatus().Namespaces; n[0].Error == "" || n[1].Error != "" {
			t.Errorf("got namespaces %+v, want only the first one's failure", n)
		}
		if lines := h.logLines("refresh failed in part, the rest is published"); len(lines) != 1 || lines[0]["target_count"] != 3.0 {
			t.Errorf("got lines %v, want one with what was published", lines)
		}
	})
}

// TestOnlyAShutdownAbandonsARefresh gives a LIST an error that looks like a cancellation when its time is up.
func TestOnlyAShutdownAbandonsARefresh(t *testing.T) {
	source := &spoiled{err: &source.Error{Type: source.TimeoutError, Err: context.Canceled}}
	bubble(t, func(h *harness) {
		source.cluster = h.cluster
		h.config.Source = source
	}, func(h *harness) {
		h.start()
		source.hang(testNamespace)
		h.pass(5*time.Minute + 30*time.Second)
		if s := h.GetStatus(); s.ConsecutiveFailures != 1 || s.NextRefresh.IsZero() {
			t.Errorf("got %d failures, next refresh %s; want a failure and a retry", s.ConsecutiveFailures, s.NextRefresh)
		}
		source.hang("")
		h.pass(time.Minute)
		if s := h.GetStatus(); s.State != sync.StateSuccess {
			t.Errorf("got %s afterwards, want success", s.State)
		}
	})
}

func TestCountsAreThoseOfTheLastAttemptThoughNothingWasPublished(t *testing.T) {
	cases := map[string]func(h *harness){
		"the guard refused": func(h *harness) { h.cluster.delete(testNamespace, "b") },
		"the write failed": func(h *harness) {
			h.cluster.delete(testNamespace, "b")
			h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
		},
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(h *harness) { h.config.MinTargets = 2 }, func(h *harness) {
				h.cluster.put(t, testNamespace, "a", "https://a")
				h.cluster.put(t, testNamespace, "b", "https://b")
				h.start()
				spoil(h)
				h.pass(5 * time.Minute)
				if s := h.GetStatus(); s.State != sync.StateFailed || s.Discovered != 1 || s.Valid != 1 {
					t.Errorf("got %s with %d discovered, %d valid; want failed, 1, 1", s.State, s.Discovered, s.Valid)
				}
				h.expectNames("a b")
			})
		})
	}
}

func TestInvalidSecretsStayInTheMetricsThroughARestart(t *testing.T) {
	const invalid = `publishing_targets_invalid{reason="validate"}`
	const counted = `publishing_refresh_errors_total{error_type="validate"}`
	bubble(t, twoNamespaces, func(h *harness) {
		h.cluster.put(t, "one", "a", "https://a")
		h.cluster.put(t, "two", "b", "https://b")
		h.start()
		h.cluster.spoil("two", "b")
		h.pass(5 * time.Minute)
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		h.cluster.set(func(c *cluster) { c.failing["two"] = transient() })
		h.remake()
		if got := h.metric(invalid); got != 1 {
			t.Errorf("before the first LIST: got %v invalid, want the file's 1", got)
		}
		h.start() // two does not answer: its part is carried over
		if got, lines := h.metric(counted), len(h.logLines("secret rejected")); got != 0 || lines != 0 {
			t.Errorf("carried over: got %v counted and %d lines, want none: nothing became invalid", got, lines)
		}
		h.cluster.set(func(c *cluster) { delete(c.failing, "two") })
		h.pass(5 * time.Second)
		if got := h.metric(counted); got != 1 {
			t.Errorf("once it is seen: got %v counted, want 1", got)
		}
	})
}

func TestAWriteThatSucceedsLateIsAllOverTheStatus(t *testing.T) {
	t.Run("of a manual refresh", func(t *testing.T) {
		bubble(t, nil, func(h *harness) {
			h.start()
			h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
			if _, err := h.Refresh("manual-1"); err != nil {
				t.Fatal(err)
			}
			h.pass(0)
			h.disk.set(func(d *disk) { d.broken = nil })
			h.pass(time.Second)
			if m := h.GetStatus().LastManual; m.State != sync.StateSuccess || m.Error != "" || m.FinishedAt.Sub(m.StartedAt) != time.Second {
				t.Errorf("got %+v, want the success", m)
			}
		})
	})
	t.Run("after a later failure", func(t *testing.T) {
		bubble(t, nil, func(h *harness) {
			h.start()
			h.pass(time.Minute)
			h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
			_ = h.RefreshNow()
			h.pass(0)
			h.cluster.fail(transient())
			_ = h.RefreshNow()
			h.pass(0)
			h.disk.set(func(d *disk) { d.broken = nil })
			h.pass(time.Second)
			s, d := h.GetStatus(), h.published()
			if s.State != sync.StateFailed || !d.RefreshedAt.Equal(s.LastRefresh) || !d.RefreshedAt.Equal(h.born.Add(time.Minute)) {
				t.Errorf("got %s, file of %s, status of %s; want failed, and both of the LIST that is in place", s.State, d.RefreshedAt, s.LastRefresh)
			}
		})
	})
}

func TestTargetsThatComeAndGoAreNamed(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://canary-value")
		h.cluster.put(t, testNamespace, "b", "https://canary-value")
		h.start()
		h.cluster.delete(testNamespace, "a")
		h.cluster.put(t, testNamespace, "c", "https://canary-value")
		h.pass(5 * time.Minute)
		for message, target := range map[string]string{"target removed": "a", "target added": "c"} {
			if lines := h.logLines(message); len(lines) != 1 || lines[0]["target"] != target || lines[0]["secret"] != testNamespace+"/"+target {
				t.Errorf("%s: got %v, want one line of %s", message, lines, target)
			}
		}
		if strings.Contains(h.logs.String(), "canary-value") {
			t.Error("a URL was logged")
		}
	})
}

func TestAnIdleManagerStopsWithoutPatience(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		if err := h.Stop(0); err != nil {
			t.Errorf("got %v, want nil: nothing was cancelled", err)
		}
	})
}
