package sync_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestABrokenSecretKeepsItsLastGoodTargetAndADeletedOneGoes(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.cluster.put(t, testNamespace, "b", "https://b")
		h.start()
		h.cluster.spoil(testNamespace, "a")
		h.cluster.delete(testNamespace, "b")
		h.pass(5 * time.Minute)
		h.expectNames("a'")
		s := h.GetStatus()
		want := []targetsfile.Rejection{{Secret: testNamespace + "/a", Reason: "validate", Message: "url: must be an absolute http or https URL", Serving: "last_good"}}
		if diff := cmp.Diff(want, s.Rejections); diff != "" {
			t.Errorf("rejections (-want +got):\n%s", diff)
		}
		if s.State != sync.StateSuccess || s.Discovered != 1 || s.Valid != 0 || s.Invalid != 1 || s.Snapshot.Kept != 1 {
			t.Errorf("an invalid Secret fails no refresh: got %+v", s)
		}
		since := h.published().Entries[0].StaleSince
		h.pass(15 * time.Minute)
		if got := h.published(); !got.Entries[0].StaleSince.Equal(since) || got.Generation != 2 {
			t.Errorf("got stale since %s in generation %d, want %s in 2", got.Entries[0].StaleSince, got.Generation, since)
		}
		if got := h.metric(`publishing_refresh_errors_total{error_type="validate"}`); got != 1 {
			t.Errorf("got %v rejections counted over 4 refreshes, want 1", got)
		}
		if got := len(h.logLines("secret rejected")); got != 1 {
			t.Errorf("got %d lines about it, want 1", got)
		}
		h.cluster.spoil(testNamespace, "a") // changed while rejected
		h.pass(5 * time.Minute)
		if got := h.metric(`publishing_refresh_errors_total{error_type="validate"}`); got != 2 {
			t.Errorf("got %v rejections counted after a change, want 2", got)
		}
	})
}

func TestTheGuardRefusesTooFewTargets(t *testing.T) {
	bubble(t, func(h *harness) { h.config.MinTargets = 2 }, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.cluster.put(t, testNamespace, "b", "https://b")
		h.start()
		h.cluster.delete(testNamespace, "a")
		h.cluster.delete(testNamespace, "b") // as a mistyped namespace would look: 200 and an empty list
		h.pass(5 * time.Minute)
		h.expectNames("a b")
		s := h.GetStatus()
		if s.State != sync.StateFailed || s.ErrorClass != sync.ClassTransient || !strings.Contains(s.Error, "found 0 targets, --min-targets requires 2") {
			t.Errorf("got %s %s %q", s.State, s.ErrorClass, s.Error)
		}
		if got := h.metric(`publishing_refresh_errors_total{error_type="guard"}`); got != 1 {
			t.Errorf("got %v guard errors counted, want 1", got)
		}
		if d := h.published(); !d.RefreshedAt.Equal(h.born) {
			t.Errorf("got refreshed_at %s, a refused refresh must not move it", d.RefreshedAt)
		}
		h.cluster.put(t, testNamespace, "c", "https://c")
		h.cluster.put(t, testNamespace, "d", "https://d")
		h.pass(30 * time.Second)
		h.expectNames("c d")
	})
}

func TestAFailedWriteIsTriedAgainWithoutAnotherList(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.put(t, testNamespace, "b", "https://b")
		h.disk.set(func(d *disk) { d.broken = errors.New("no space left on device") })
		h.pass(5 * time.Minute)
		s := h.GetStatus()
		if s.State != sync.StateFailed || s.ConsecutiveFailures != 1 || !s.NextRefresh.Equal(h.born.Add(10*time.Minute)) {
			t.Errorf("got %s, %d failures, next %s; want failed, 1, the interval", s.State, s.ConsecutiveFailures, s.NextRefresh)
		}
		if got := h.metric(`publishing_refresh_errors_total{error_type="write"}`); got != 1 {
			t.Errorf("got %v write errors, want 1", got)
		}
		h.expectNames("a")
		h.pass(7 * time.Second) // tries after 1 s, 3 s and 8 s
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(time.Second)
		h.expectNames("a b")
		s = h.GetStatus()
		if s.State != sync.StateSuccess || s.ConsecutiveFailures != 0 || s.Error != "" || !s.LastRefresh.Equal(h.born.Add(5*time.Minute)) {
			t.Errorf("the refresh becomes the success: got %+v", s)
		}
		if d := h.published(); !d.RefreshedAt.Equal(h.born.Add(5*time.Minute)) || d.Generation != 2 {
			t.Errorf("got refreshed_at %s generation %d, want the LIST's end and 2: a failed write uses no generation", d.RefreshedAt, d.Generation)
		}
		if got := len(h.cluster.listTimes()); got != 2 {
			t.Errorf("got %d LISTs, want 2", got)
		}
		if got := h.metric(`publishing_snapshot_publications_total{result="failed"}`); got != 3 {
			t.Errorf("got %v failed publications, want 3", got)
		}
	})
}

func TestAFailedWriteDoesNotHideALaterFailure(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.put(t, testNamespace, "b", "https://b")
		h.disk.set(func(d *disk) { d.broken = errors.New("no space left on device") })
		h.pass(5 * time.Minute)
		h.cluster.fail(transient())
		h.pass(5 * time.Minute)
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(30 * time.Second)
		h.expectNames("a b")
		if s := h.GetStatus(); s.State != sync.StateFailed || s.ConsecutiveFailures == 0 {
			t.Errorf("got %s with %d failures, want failed: the last attempt did", s.State, s.ConsecutiveFailures)
		}
	})
}

func TestARefreshWaitsForARunningWrite(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.disk.set(func(d *disk) { d.broken = errors.New("no space left on device") })
		h.pass(5 * time.Minute)
		h.disk.set(func(d *disk) { d.broken, d.delay = nil, 10*time.Second })
		h.pass(time.Second) // the write is tried again, and takes 10 s
		h.cluster.put(t, testNamespace, "b", "https://b")
		run, err := h.Refresh("id")
		if err != nil {
			t.Fatal(err)
		}
		h.pass(10 * time.Second)
		h.expectNames("a")
		if s, err := run.Wait(h.t.Context()); err != nil || s.State != sync.StateSuccess {
			t.Errorf("got %s, %v", s.State, err)
		}
		h.expectNames("a b")
	})
}

func TestARestartIsNotToBeSeen(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.spoil(testNamespace, "a")
		h.pass(5 * time.Minute)
		before := h.published()
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		h.cluster.fail(transient()) // the API server is away
		h.remake()
		s := h.GetStatus()
		if !s.Ready || !s.LastRefresh.Equal(before.RefreshedAt) || s.Snapshot.Generation != 2 || s.State != sync.StateIdle {
			t.Errorf("before the start: got %+v, want ready with what the file says", s)
		}
		if got := h.metric("publishing_refresh_last_success_timestamp"); got != float64(before.RefreshedAt.UnixMilli())/1000 {
			t.Errorf("got last success %v, want the file's", got)
		}
		h.start()
		h.pass(10 * time.Second)
		h.expectNames("a'")
		h.cluster.fail(nil)
		h.pass(time.Minute)
		after := h.published()
		if after.Epoch != before.Epoch || after.Generation != before.Generation || after.Checksum != before.Checksum {
			t.Errorf("got %s %d %s, want %s %d %s", after.Epoch, after.Generation, after.Checksum, before.Epoch, before.Generation, before.Checksum)
		}
	})
}

// TestAWallClockThatJumpsBack continues a file that a process wrote when the clock was an hour ahead.
func TestAWallClockThatJumpsBack(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		ahead := h.published()
		ahead.RefreshedAt, ahead.ChangedAt = ahead.RefreshedAt.Add(time.Hour), ahead.ChangedAt.Add(time.Hour)
		ahead.StaleAfter = ahead.StaleAfter.Add(time.Hour)
		if _, err := h.disk.Writer.Publish(ahead); err != nil {
			t.Fatal(err)
		}
		h.remake()
		h.start()
		now := time.Now()
		d, s := h.published(), h.GetStatus()
		if d.Epoch != ahead.Epoch || d.Generation != ahead.Generation || !d.RefreshedAt.Equal(now) || !s.NextRefresh.Equal(now.Add(5*time.Minute)) {
			t.Errorf("got %s/%d refreshed %s, next %s; want %s/%d, now and in five minutes", d.Epoch, d.Generation, d.RefreshedAt, s.NextRefresh,
				ahead.Epoch, ahead.Generation)
		}
	})
}

func TestPublishedTellsWhichVersionsAreInPlace(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a") // version 1
		h.cluster.put(t, testNamespace, "b", "https://b") // version 2
		if h.Published() != nil {
			t.Error("something is published before the start")
		}
		h.start()
		h.cluster.put(t, testNamespace, "b", "https://b2")
		h.cluster.spoil(testNamespace, "a")
		if diff := cmp.Diff([]string{"1", "2"}, h.Published().Versions); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		h.pass(5 * time.Minute)
		if diff := cmp.Diff([]string{"", "3"}, h.Published().Versions); diff != "" {
			t.Errorf("of a kept target the version is not known (-want +got):\n%s", diff)
		}
	})
}

func TestAnotherSourceInheritsNothing(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		before := h.published()
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		h.lookElsewhere()
		h.cluster.put(t, "other", "b", "https://b")
		h.cluster.fail(transient())
		h.remake()
		if h.GetStatus().Ready {
			t.Error("ready with the snapshot of another source")
		}
		h.start()
		h.expectNames("a") // left in place until the first publication
		h.cluster.fail(nil)
		h.pass(time.Minute)
		h.expectNames("b")
		if after := h.published(); after.Epoch == before.Epoch || after.Generation != 1 {
			t.Errorf("got epoch %s generation %d, want another epoch and 1", after.Epoch, after.Generation)
		}
	})
}

func TestAttemptsEndTheManager(t *testing.T) {
	cases := map[string]struct {
		spoil func(h *harness)
		ended time.Duration
		state sync.State
		lists int
	}{
		"success":              {func(*harness) {}, 0, sync.StateSuccess, 1},
		"the API server fails": {func(h *harness) { h.cluster.fail(permanent()) }, 3 * time.Second, sync.StateFailed, 3},
		"the disk fails": {func(h *harness) { h.disk.set(func(d *disk) { d.broken = errors.New("read-only") }) },
			3 * time.Second, sync.StateFailed, 1},
		"the disk fails once": {func(h *harness) {
			h.disk.set(func(d *disk) { d.broken = errors.New("read-only") })
			time.AfterFunc(500*time.Millisecond, func() { h.disk.set(func(d *disk) { d.broken = nil }) })
		}, time.Second, sync.StateSuccess, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(h *harness) { h.config.Attempts = 3 }, func(h *harness) {
				c.spoil(h)
				h.start()
				<-h.Done()
				if got := time.Since(h.born); got != c.ended {
					t.Errorf("ended after %s, want %s", got, c.ended)
				}
				if got := h.GetStatus().State; got != c.state {
					t.Errorf("got %s, want %s", got, c.state)
				}
				if got := len(h.cluster.listTimes()); got != c.lists {
					t.Errorf("got %d LISTs, want %d", got, c.lists)
				}
			})
		})
	}
}

// watched is a cluster that says when to list, as manifests do.
type watched struct {
	*cluster
	asks chan string
}

// Watch implements sync.Watcher.
func (w watched) Watch(ctx context.Context, _, _ string, emit func(source.Event)) error {
	emit(source.Event{Kind: source.Opened})
	for {
		select {
		case version := <-w.asks:
			emit(source.Event{Kind: source.Relist, ResourceVersion: version})
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestTheSourceAsksForRefreshes(t *testing.T) {
	asks := make(chan string)
	bubble(t, func(h *harness) { h.config.Source = watched{h.cluster, asks} }, func(h *harness) {
		asks = make(chan string)
		h.config.Source = watched{h.cluster, asks}
		h.remake()
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.cluster.put(t, testNamespace, "b", "https://b")
		asks <- "2"
		h.pass(0)
		h.expectNames("a b")
		if s := h.GetStatus(); s.LastTrigger != sync.TriggerWatch || s.Watch != (sync.WatchStatus{Enabled: true, Connected: true, Since: h.born, LastEvent: h.born}) {
			t.Errorf("got trigger %s, watch %+v; want watch, connected", s.LastTrigger, s.Watch)
		}
		h.cluster.set(func(c *cluster) { c.delay = time.Second })
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(0)
		asks <- "2" // which the running LIST will return
		h.pass(2 * time.Second)
		if got := len(h.cluster.listTimes()); got != 3 {
			t.Errorf("a LIST that returns the version satisfies: got %d LISTs, want 3", got)
		}
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(0)
		asks <- "3" // newer than what the running LIST will return
		h.pass(2 * time.Second)
		if got := len(h.cluster.listTimes()); got != 5 {
			t.Errorf("a change during a LIST causes one more: got %d LISTs, want 5", got)
		}
	})
}

func TestMetricsExistFromTheStartAndAreWellFormed(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		problems, err := testutil.GatherAndLint(h.registry)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		for _, series := range []string{
			`publishing_refresh_total{status="success"}`, `publishing_refresh_total{status="failed"}`,
			`publishing_refresh_duration_seconds{status="success"}`, `publishing_refresh_duration_seconds{status="failed"}`,
			`publishing_refresh_errors_total{error_type="k8s_api"}`, `publishing_refresh_errors_total{error_type="parse"}`,
			`publishing_refresh_errors_total{error_type="validate"}`, `publishing_refresh_errors_total{error_type="timeout"}`,
			`publishing_refresh_errors_total{error_type="write"}`, `publishing_refresh_errors_total{error_type="guard"}`,
			`publishing_refresh_errors_total{error_type="internal"}`,
			`publishing_refresh_last_success_timestamp`, `publishing_refresh_in_progress`, `publishing_refresh_consecutive_failures`,
			`publishing_refresh_failing{class="transient"}`, `publishing_refresh_failing{class="permanent"}`,
			`publishing_refresh_trigger_total{trigger="startup"}`, `publishing_refresh_trigger_total{trigger="periodic"}`,
			`publishing_refresh_trigger_total{trigger="retry"}`, `publishing_refresh_trigger_total{trigger="manual"}`,
			`publishing_refresh_trigger_total{trigger="watch"}`,
			`publishing_targets{enabled="true",type="slack"}`, `publishing_targets{enabled="false",type="rootly"}`,
			`publishing_targets_invalid{reason="parse"}`, `publishing_targets_invalid{reason="validate"}`,
			`publishing_targets_invalid{reason="duplicate"}`, `publishing_targets_stale`,
			`publishing_snapshot_generation`, `publishing_snapshot_bytes`, `publishing_snapshot_changed_timestamp_seconds`,
			`publishing_snapshot_stale_after_timestamp_seconds`,
			`publishing_snapshot_publications_total{result="written"}`, `publishing_snapshot_publications_total{result="failed"}`,
		} {
			if got := h.metric(series); got != 0 {
				t.Errorf("%s: got %v at the start, want 0", series, got)
			}
		}
		if got := h.metric("publishing_refresh_interval_seconds"); got != 300 {
			t.Errorf("got interval %v, want 300", got)
		}
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		info, err := os.Stat(h.path)
		if err != nil {
			t.Fatal(err)
		}
		for series, want := range map[string]float64{
			`publishing_targets{enabled="true",type="webhook"}`:        1,
			`publishing_snapshot_generation`:                           1,
			`publishing_snapshot_bytes`:                                float64(info.Size()),
			`publishing_refresh_trigger_total{trigger="startup"}`:      1,
			`publishing_refresh_last_success_timestamp`:                float64(h.born.Unix()),
			`publishing_snapshot_changed_timestamp_seconds`:            float64(h.born.Unix()),
			`publishing_snapshot_stale_after_timestamp_seconds`:        float64(h.born.Unix() + 600),
			`publishing_snapshot_publications_total{result="written"}`: 1,
		} {
			if got := h.metric(series); got != want {
				t.Errorf("%s: got %v, want %v", series, got, want)
			}
		}
	})
}
