package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// at is a moment of the minute that the test documents are from.
func at(second int) time.Time { return time.Date(2026, 1, 2, 10, 30, second, 5_999_999, time.UTC) }

func fullStatus() targetsync.RefreshStatus {
	return targetsync.RefreshStatus{
		State: targetsync.StateFailed, LastRefresh: at(1), Duration: 18*time.Millisecond + 999, Discovered: 15, Valid: 14, Invalid: 1,
		NextRefresh: at(2), Error: "listing alert-history: <nil> & more", ConsecutiveFailures: 2, ErrorClass: targetsync.ClassTransient,
		Hint: "check the network", InProgressSince: at(3), LastAttempt: at(4), LastTrigger: targetsync.TriggerPeriodic,
		LastManual: targetsync.ManualRefresh{
			RequestID: "req-0", State: targetsync.StateSuccess, StartedAt: at(5), FinishedAt: at(6), Error: "none",
		},
		Ready: true,
		Snapshot: targetsync.SnapshotStatus{
			Epoch: "0f8c", Generation: 42, Checksum: "sha256:ab", Bytes: 5120, ChangedAt: at(7), StaleAfter: at(8), Kept: 1,
		},
		Watch:      targetsync.WatchStatus{Enabled: true, Connected: true, Since: at(9), LastEvent: at(10), KeptBack: at(12)},
		Namespaces: []targetsync.NamespaceStatus{{Name: "alert-history", Secrets: 15, LastSuccess: at(11), Error: "forbidden"}},
		Rejections: []targetsfile.Rejection{{Secret: "alert-history/broken", Reason: "validate", Message: "url: bad", Serving: "last_good"}},
	}
}

// oneLine joins an indented document, so that tests can show it.
func oneLine(lines string) string { return strings.ReplaceAll(lines, "\n", "") + "\n" }

func TestStatusInFull(t *testing.T) {
	h := newHarness(t)
	h.status = fullStatus
	want := oneLine(`{"status":"failed","last_refresh":"2026-01-02T10:30:01.005Z","refresh_duration_ms":18,
"targets_discovered":15,"targets_valid":14,"targets_invalid":1,
"next_refresh":"2026-01-02T10:30:02.005Z","error":"listing alert-history: <nil> & more",
"consecutive_failures":2,"error_class":"transient","hint":"check the network",
"in_progress_since":"2026-01-02T10:30:03.005Z","last_attempt":"2026-01-02T10:30:04.005Z","last_trigger":"periodic",
"last_manual":{"request_id":"req-0","status":"success","started_at":"2026-01-02T10:30:05.005Z",
"finished_at":"2026-01-02T10:30:06.005Z","error":"none"},
"snapshot":{"path":"/var/run/publishing-targets/targets.json","epoch":"0f8c","generation":42,"checksum":"sha256:ab","bytes":5120,
"changed_at":"2026-01-02T10:30:07.005Z","stale_after":"2026-01-02T10:30:08.005Z","kept":1},
"watch":{"enabled":true,"connected":true,"since":"2026-01-02T10:30:09.005Z","last_event":"2026-01-02T10:30:10.005Z","kept_back":"2026-01-02T10:30:12.005Z","error":null},
"namespaces":[{"name":"alert-history","secrets":15,"last_success":"2026-01-02T10:30:11.005Z","error":"forbidden"}],
"invalid":[{"secret":"alert-history/broken","reason":"validate","message":"url: bad","serving":"last_good"}],
"instance":"alert-history-0"}`)
	if diff := cmp.Diff(want, h.do(get(statusPath)).Body.String()); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestStatusOfWhatNeverHappenedIsNull(t *testing.T) {
	h := newHarness(t)
	h.show(targetsync.RefreshStatus{State: targetsync.StateIdle, LastManual: targetsync.ManualRefresh{
		RequestID: "req-0", State: targetsync.StateInProgress, StartedAt: at(5),
	}})
	want := oneLine(`{"status":"idle","last_refresh":null,"refresh_duration_ms":0,
"targets_discovered":0,"targets_valid":0,"targets_invalid":0,"next_refresh":null,"error":null,
"consecutive_failures":0,"error_class":null,"hint":null,"in_progress_since":null,"last_attempt":null,"last_trigger":null,
"last_manual":{"request_id":"req-0","status":"in_progress","started_at":"2026-01-02T10:30:05.005Z","finished_at":null,"error":null},
"snapshot":{"path":"/var/run/publishing-targets/targets.json","epoch":null,"generation":0,"checksum":null,"bytes":0,"changed_at":null,"stale_after":null,"kept":0},
"watch":{"enabled":false,"connected":false,"since":null,"last_event":null,"kept_back":null,"error":null},
"namespaces":[],"invalid":[],"instance":"alert-history-0"}`)
	if diff := cmp.Diff(want, h.do(get(statusPath)).Body.String()); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestStatusWithoutManualRefresh(t *testing.T) {
	h := newHarness(t)
	if body := h.do(get(statusPath)).Body.String(); !strings.Contains(body, `"last_manual":null,`) {
		t.Errorf("got %s, want a last_manual that is null", body)
	}
}

func TestStatusListsAtMostAHundredInvalid(t *testing.T) {
	h := newHarness(t)
	full := targetsync.RefreshStatus{Invalid: 150}
	for i := range 150 {
		full.Rejections = append(full.Rejections, targetsfile.Rejection{Secret: fmt.Sprintf("ns/%03d", i)})
	}
	h.show(full)
	var got struct {
		TargetsInvalid int                     `json:"targets_invalid"`
		Invalid        []targetsfile.Rejection `json:"invalid"`
	}
	if err := json.Unmarshal(h.do(get(statusPath)).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if n := len(got.Invalid); n != 100 || got.Invalid[99].Secret != "ns/099" || got.TargetsInvalid != 150 {
		t.Errorf("got %d invalid ending in %v and a count of %d, want the first 100 and 150", n, got.Invalid[n-1], got.TargetsInvalid)
	}
}
