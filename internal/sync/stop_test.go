package sync_test

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestLifeCycle(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		if err := h.Stop(time.Second); !errors.Is(err, sync.ErrNotStarted) {
			t.Errorf("Stop before Start: got %v, want ErrNotStarted", err)
		}
		h.start()
		if err := h.Start(); !errors.Is(err, sync.ErrAlreadyStarted) {
			t.Errorf("a second Start: got %v, want ErrAlreadyStarted", err)
		}
		begun := time.Now()
		if err := h.Stop(time.Second); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("an idle manager took %s to stop", took)
		}
		if err := h.Stop(time.Second); err != nil {
			t.Errorf("a second Stop: %v", err)
		}
		if err := h.Start(); !errors.Is(err, sync.ErrStopped) {
			t.Errorf("Start after Stop: got %v, want ErrStopped", err)
		}
		if err := h.RefreshNow(); !errors.Is(err, sync.ErrStopped) {
			t.Errorf("RefreshNow after Stop: got %v, want ErrStopped", err)
		}
	})
}

func TestStopLetsARefreshFinish(t *testing.T) {
	for name, slow := range map[string]func(h *harness){
		"in the middle of a LIST":  func(h *harness) { h.cluster.set(func(c *cluster) { c.delay = 5 * time.Second }) },
		"in the middle of a write": func(h *harness) { h.disk.set(func(d *disk) { d.delay = 5 * time.Second }) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(h *harness) {
				h.start()
				h.cluster.put(t, testNamespace, "a", "https://a")
				slow(h)
				run, err := h.Refresh("id")
				if err != nil {
					t.Fatal(err)
				}
				h.pass(time.Second)
				begun := time.Now()
				second := make(chan error)
				go func() { time.Sleep(time.Second); second <- h.Stop(time.Second) }()
				if err := h.Stop(25 * time.Second); err != nil {
					t.Errorf("got %v, want nil", err)
				}
				if err := <-second; err != nil {
					t.Errorf("a second Stop meanwhile: got %v, want nil", err)
				}
				if took := time.Since(begun); took != 4*time.Second {
					t.Errorf("took %s, want the 4s that the refresh still ran", took)
				}
				h.expectNames("a")
				if s, err := run.Wait(h.t.Context()); err != nil || s.State != sync.StateSuccess {
					t.Errorf("got %s, %v; want success", s.State, err)
				}
			})
		})
	}
}

func TestStopCancelsAHungList(t *testing.T) {
	bubble(t, func(h *harness) { h.config.Timeout = time.Hour }, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.set(func(c *cluster) { c.hang = true })
		run, err := h.Refresh("id")
		if err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		begun := time.Now()
		if err := h.Stop(25 * time.Second); !errors.Is(err, sync.ErrShutdownTimeout) {
			t.Errorf("got %v, want ErrShutdownTimeout", err)
		}
		if took := time.Since(begun); took != 25*time.Second {
			t.Errorf("took %s, want 25s", took)
		}
		if _, err := run.Wait(h.t.Context()); !errors.Is(err, sync.ErrStopped) {
			t.Errorf("who waits for the refresh: got %v, want ErrStopped", err)
		}
		if s := h.GetStatus(); s.State != sync.StateFailed || s.Error == "" || s.ConsecutiveFailures != 0 || s.Ready || !s.Stopping {
			t.Errorf("got %+v, want failed without counting, and not ready", s)
		}
		h.expectNames("a")
	})
}

func TestStopDoesNotWaitForAHungWrite(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		h.disk.set(func(d *disk) { d.delay = time.Hour })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		begun := time.Now()
		if err := h.Stop(25 * time.Second); !errors.Is(err, sync.ErrShutdownTimeout) {
			t.Errorf("got %v, want ErrShutdownTimeout", err)
		}
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("took %s, want at most 30s", took)
		}
	})
}

func TestTheHeartbeatGoesOnWhileTheAPIServerHangs(t *testing.T) {
	bubble(t, func(h *harness) { h.config.Timeout = time.Hour }, func(h *harness) {
		h.cluster.set(func(c *cluster) { c.hang = true })
		h.start()
		for range 100 {
			h.pass(7 * time.Second)
			if age := h.SinceHeartbeat(); age > 10*time.Second {
				t.Fatalf("the heartbeat is %s old", age)
			}
		}
		h.cluster.set(func(c *cluster) { c.hang = false })
		_ = h.Stop(0)
	})
}

func TestGetStatusDoesNotAllocate(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.start()
		if n := testing.AllocsPerRun(100, func() { _ = h.GetStatus() }); n != 0 {
			t.Errorf("got %v allocations, want 0", n)
		}
	})
}

// benchManager is a started manager over n Secrets and a real file.
func benchManager(b *testing.B, n int) *sync.DefaultRefreshManager {
	b.Helper()
	c := newCluster()
	for i := range n {
		c.put(b, testNamespace, "target-"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)), "https://example.com/hook")
	}
	m, err := sync.New(sync.Config{
		Source: c, Publisher: writer.New(filepath.Join(b.TempDir(), "targets.json"), 0o640), Namespaces: []string{testNamespace},
		Origin:   targetsfile.Source{Kind: targetsfile.SourceKubernetes},
		Interval: time.Hour, Timeout: time.Minute, RetryBackoff: []time.Duration{time.Second}, StartupBackoff: []time.Duration{time.Second},
		Logger: zerolog.New(io.Discard),
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := m.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Stop(time.Second) })
	for m.GetStatus().State != sync.StateSuccess {
		if run, err := m.Refresh("first"); err == nil {
			_, _ = run.Wait(b.Context())
		}
	}
	return m
}

func BenchmarkPeriodicRefresh(b *testing.B) {
	for name, n := range map[string]int{"20": 20, "1000": 1000, "10000": 10000} {
		b.Run(name, func(b *testing.B) {
			m := benchManager(b, n)
			b.ReportAllocs()
			for b.Loop() {
				run, err := m.Refresh("id")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := run.Wait(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkManualRefresh(b *testing.B) {
	m := benchManager(b, 20)
	b.ReportAllocs()
	for b.Loop() {
		_ = m.RefreshNow() // accepted, or refused while one runs: both are the answer to a POST
	}
}

func BenchmarkGetStatus(b *testing.B) {
	m := benchManager(b, 20)
	b.ReportAllocs()
	var s sync.RefreshStatus
	for b.Loop() {
		s = m.GetStatus()
	}
	_ = s
}
