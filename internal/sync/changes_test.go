package sync_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// edit changes the target of a Secret and lets that settle.
func (h *harness) edit(name, url string) {
	h.t.Helper()
	h.cluster.put(h.t, testNamespace, name, url)
	synctest.Wait()
}

// expectURL fails unless the published target has the URL.
func (h *harness) expectURL(name, want string) {
	h.t.Helper()
	for _, e := range h.published().Entries {
		if e.Name == name {
			if e.URL != want {
				h.t.Errorf("at %s: got %s with %s, want %s", time.Since(h.born), name, e.URL, want)
			}
			return
		}
	}
	h.t.Errorf("at %s: %s is not published", time.Since(h.born), name)
}

func (h *harness) expectLists(want int) {
	h.t.Helper()
	if got := len(h.cluster.listTimes()); got != want {
		h.t.Errorf("at %s: got %d LISTs, want %d", time.Since(h.born), got, want)
	}
}

func TestAChangeIsPublishedAtOnceWithoutAList(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		h.pass(time.Minute)
		before := h.published()
		h.edit("a", "https://a2")
		h.expectURL("a", "https://a2")
		got := h.published()
		if got.Generation != before.Generation+1 || !got.ChangedAt.Equal(h.born.Add(time.Minute)) || !got.RefreshedAt.Equal(before.RefreshedAt) {
			t.Errorf("got generation %d, changed %s, refreshed %s; want the next, now, and as it was", got.Generation, got.ChangedAt, got.RefreshedAt)
		}
		h.pass(time.Second)
		h.cluster.delete(testNamespace, "b")
		synctest.Wait()
		h.expectNames("a")
		h.pass(time.Second)
		h.cluster.spoil(testNamespace, "a")
		synctest.Wait()
		h.expectNames("a'")
		h.expectLists(1)

		s := h.GetStatus()
		if s.State != sync.StateSuccess || s.LastTrigger != sync.TriggerStartup || s.Valid != 0 || s.Invalid != 1 || s.Namespaces[0].Secrets != 1 || s.Snapshot.Generation != 4 {
			t.Errorf("got %+v", s)
		}
		if want := (sync.WatchStatus{Enabled: true, Connected: true, Since: h.born, LastEvent: h.born.Add(time.Minute + 2*time.Second)}); s.Watch != want {
			t.Errorf("got watch %+v, want %+v", s.Watch, want)
		}
		for series, want := range map[string]float64{
			`publishing_watch_events_total{type="upsert"}`: 2, `publishing_watch_events_total{type="delete"}`: 1,
			`publishing_watch_connected`: 1, `publishing_refresh_total{status="success"}`: 1, `publishing_targets_stale`: 1,
			`publishing_snapshot_publications_total{result="written"}`: 4, `publishing_refresh_errors_total{error_type="validate"}`: 1,
		} {
			if got := h.metric(series); got != want {
				t.Errorf("%s: got %v, want %v", series, got, want)
			}
		}
		if lines := h.logLines("changes published"); len(lines) != 3 || lines[2]["generation"] != 4.0 || lines[2]["events"] != 1.0 {
			t.Errorf("got lines %v, want one per publication", lines)
		}
	})
}

func TestABurstIsPublishedInFewDocuments(t *testing.T) {
	cases := map[string]struct {
		write time.Duration
		gap   time.Duration // between the end of a publication and the next
	}{
		"a quick disk": {0, 20 * time.Millisecond},
		"a slow disk":  {30 * time.Millisecond, 120 * time.Millisecond},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, followed, func(h *harness) {
				h.edit("a", "https://a")
				h.start()
				h.pass(time.Minute)
				h.disk.set(func(d *disk) { d.delay, d.writes = c.write, 0 })
				for i := range 1000 {
					h.edit("a", fmt.Sprintf("https://a/%d", i))
					time.Sleep(time.Millisecond)
				}
				h.pass(c.gap + 2*c.write)
				h.expectURL("a", "https://a/999")
				h.disk.mu.Lock()
				got, want := h.disk.writes, int(time.Second/(c.gap+c.write))+2
				h.disk.mu.Unlock()
				if got > want || got < want-2 {
					t.Errorf("got %d publications of 1000 changes in a second, want about %d", got, want)
				}
				if d := h.published(); d.Generation != uint64(got)+1 {
					t.Errorf("got generation %d after %d publications", d.Generation, got)
				}
				h.expectLists(1)
			})
		})
	}
}

func TestAChangeOfNothingPublishesNothing(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.pass(time.Minute)
		before := h.Published()
		h.edit("a", "https://a") // an annotation, say: another version, the same target
		h.live.bookmark()
		h.pass(time.Second)
		after := h.Published()
		if after.Document != before.Document || h.metric(`publishing_snapshot_publications_total{result="written"}`) != 1 {
			t.Error("got another publication, want none")
		}
		if before.Versions[0] == after.Versions[0] || after.Versions[0] != "2" {
			t.Errorf("got applied version %s after %s, want 2", after.Versions[0], before.Versions[0])
		}
		h.cluster.spoil(testNamespace, "b")
		h.pass(time.Second)
		if d := h.published(); d.Generation != 1 || d.Invalid != 1 || d.Discovered != 2 || len(d.Rejections) != 1 {
			t.Errorf("counts and rejections alone are published in the same generation: got %d, %d invalid", d.Generation, d.Invalid)
		}
	})
}

func TestTheGuardRefusesChanges(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 2 }, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		h.pass(time.Minute)
		h.cluster.delete(testNamespace, "a")
		h.pass(time.Second)
		h.cluster.delete(testNamespace, "b")
		h.pass(time.Second)
		h.expectNames("a b")
		s := h.GetStatus()
		if s.State != sync.StateSuccess || s.ConsecutiveFailures != 0 || s.ErrorClass != sync.ClassTransient || s.Discovered != 0 ||
			!strings.Contains(s.Error, "found 0 targets, --min-targets requires 2") {
			t.Errorf("got %+v", s)
		}
		if got := h.metric(`publishing_refresh_errors_total{error_type="guard"}`); got != 2 {
			t.Errorf("got %v guard errors, want 2", got)
		}
		if got := len(h.logLines("changes are not published, keeping the last snapshot")); got != 1 {
			t.Errorf("got %d lines about it, want 1", got)
		}
		h.edit("c", "https://c")
		h.pass(time.Second)
		h.edit("d", "https://d")
		h.expectNames("c d")
		if s := h.GetStatus(); s.Error != "" || s.ErrorClass != "" || s.Hint != "" {
			t.Errorf("the next publication clears it: got %q", s.Error)
		}
		h.expectLists(1)
	})
}

func TestChangesThatBringEnoughBringARefusedRefreshForward(t *testing.T) {
	cases := map[string]struct {
		back   string // what is added after everything was deleted
		broken bool   // the disk, for a second
	}{
		"others":               {back: "c d"},
		"the same again":       {back: "a b"},
		"after a failed write": {back: "c d", broken: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 2 }, func(h *harness) {
				h.edit("a", "https://a")
				h.edit("b", "https://b")
				h.start()
				h.cluster.delete(testNamespace, "a")
				h.cluster.delete(testNamespace, "b")
				h.pass(5*time.Minute + time.Second)
				if s := h.GetStatus(); s.State != sync.StateFailed {
					t.Fatalf("got %s, want that the guard refused the refresh", s.State)
				}
				if c.broken {
					h.disk.set(func(d *disk) { d.broken = errors.New("no space left on device") })
				}
				for name := range strings.FieldsSeq(c.back) {
					h.edit(name, "https://"+name)
				}
				if c.broken {
					h.pass(500 * time.Millisecond)
					h.disk.set(func(d *disk) { d.broken = nil })
					h.pass(500 * time.Millisecond) // then it is written
				}
				h.pass(2 * time.Second)
				h.expectNames(c.back)
				if s := h.GetStatus(); s.State != sync.StateSuccess || s.Error != "" || s.ConsecutiveFailures != 0 {
					t.Errorf("got %s, %q, %d failures; want success", s.State, s.Error, s.ConsecutiveFailures)
				}
				h.expectLists(3)
			})
		})
	}
}

func TestChangesThatCannotBeWrittenAreWrittenLater(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.pass(time.Minute)
		h.disk.set(func(d *disk) { d.broken = errors.New("no space left on device") })
		h.edit("b", "https://b")
		s := h.GetStatus()
		if s.State != sync.StateSuccess || s.Error != "no space left on device" || s.ConsecutiveFailures != 0 {
			t.Errorf("got %s %q after %d failures, want the refresh's success and the write's error", s.State, s.Error, s.ConsecutiveFailures)
		}
		h.edit("c", "https://c") // only changes what will be written
		h.pass(2 * time.Second)  // tries after 1 s and 3 s
		if got := h.metric(`publishing_snapshot_publications_total{result="failed"}`); got != 2 {
			t.Errorf("got %v failed publications, want 2", got)
		}
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(time.Second)
		h.expectNames("a b c")
		if s := h.GetStatus(); s.Error != "" || s.Snapshot.Generation != 2 {
			t.Errorf("got error %q, generation %d; want none, 2", s.Error, s.Snapshot.Generation)
		}
		h.edit("d", "https://d")
		h.pass(time.Second)
		h.expectNames("a b c d")
		h.expectLists(1)
	})
}

func TestAFailedWriteThatTheGuardHoldsBackIsNotForgotten(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 1 }, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.disk.set(func(d *disk) { d.broken = errors.New("no space left on device") })
		h.pass(time.Minute)
		h.edit("a", "https://a2")
		h.cluster.delete(testNamespace, "a")
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(10 * time.Second)
		h.expectURL("a", "https://a")
		h.edit("b", "https://b")
		h.pass(10 * time.Second)
		h.expectNames("b")
	})
}

func TestChangesGoOnDuringARefresh(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		h.pass(time.Minute)
		h.cluster.set(func(c *cluster) { c.delay, c.snapshotFirst = 10*time.Second, true })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.edit("a", "https://a2") // newer than what the LIST will answer
		h.expectURL("a", "https://a2")
		h.pass(time.Second)
		h.cluster.delete(testNamespace, "b")
		h.edit("c", "https://c")
		h.pass(time.Second)
		h.expectNames("a c")
		generation := h.published().Generation
		h.pass(10 * time.Second)
		h.expectNames("a c")
		h.expectURL("a", "https://a2")
		s := h.GetStatus()
		if s.LastTrigger != sync.TriggerManual || s.State != sync.StateSuccess || s.Snapshot.Generation != generation || s.Namespaces[0].Secrets != 2 {
			t.Errorf("an older LIST changes nothing: got %s, generation %d, %d Secrets; want generation %d, 2",
				s.State, s.Snapshot.Generation, s.Namespaces[0].Secrets, generation)
		}
		h.edit("a", "https://a3")
		h.expectURL("a", "https://a3")
	})
}

// TestARefreshKeepsTheEntriesThatDidNotChange: a LIST of ten thousand Secrets must not leave as many more in memory.
func TestARefreshKeepsTheEntriesThatDidNotChange(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		before := h.Published().Document.Entries
		h.cluster.set(func(c *cluster) { // listed again, they are decoded again
			for name, s := range c.secrets[testNamespace] {
				copied := *s.Entry
				s.Entry = &copied
				c.secrets[testNamespace][name] = s
			}
		})
		h.pass(5 * time.Minute)
		after := h.Published().Document.Entries
		if before[0] != after[0] || before[1] != after[1] {
			t.Error("got other entries after a refresh, want the same")
		}
	})
}

func TestARefreshDuringABurstPublishesAtOnce(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		h.pass(time.Minute)
		h.edit("a", "https://a1")
		h.edit("a", "https://a2") // has to wait
		h.expectURL("a", "https://a1")
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(0)
		h.expectURL("a", "https://a2")
		h.pass(time.Second)
		if got := h.metric(`publishing_snapshot_publications_total{result="written"}`); got != 3 {
			t.Errorf("got %v publications, want 3: what the refresh published is not published again", got)
		}
	})
}

// TestTheGaugesCountRejectionsThatTheDocumentDoesNotList, too.
func TestTheGaugesCountRejectionsThatTheDocumentDoesNotList(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		for i := range targetsfile.MaxRejections {
			h.cluster.spoil(testNamespace, fmt.Sprintf("a%04d", i))
		}
		h.cluster.spoil(testNamespace, "z")
		h.start()
		h.pass(time.Second)
		h.cluster.putSecret(testNamespace, "z", source.Secret{Fault: &source.Fault{Reason: targetsfile.RejectParse}})
		h.pass(time.Second)
		h.expectMetrics(map[string]float64{`publishing_targets_invalid{reason="parse"}`: 1})
	})
}
