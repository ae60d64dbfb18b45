package sync_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// forge puts another document in place, as somebody else who can write to the volume might.
func (h *harness) forge(change func(*targetsfile.Document)) {
	h.t.Helper()
	d := h.published()
	change(d)
	file, err := os.Create(h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := d.WriteFile(file); err != nil {
		h.t.Fatal(err)
	}
}

// TestTheFileBelongsToTheSidecar: whatever somebody does to it, the sidecar's document is in place again with the next heartbeat or
// publication, and a reader that took another one for it accepts what follows.
func TestTheFileBelongsToTheSidecar(t *testing.T) {
	cases := map[string]struct {
		spoil   func(h *harness)
		foreign bool
	}{
		"removed":        {spoil: func(h *harness) { _ = os.Remove(h.path) }},
		"mode changed":   {spoil: func(h *harness) { _ = os.Chmod(h.path, 0o600) }},
		"garbage":        {foreign: true, spoil: func(h *harness) { _ = os.WriteFile(h.path, []byte("{}"), 0o640) }},
		"emptied":        {foreign: true, spoil: func(h *harness) { _ = os.Truncate(h.path, 0) }},
		"fewer targets":  {foreign: true, spoil: func(h *harness) { h.forge(func(d *targetsfile.Document) { d.Entries = d.Entries[:1] }) }},
		"far generation": {foreign: true, spoil: func(h *harness) { h.forge(func(d *targetsfile.Document) { d.Generation = 1_000_000 }) }},
		"another epoch": {foreign: true, spoil: func(h *harness) {
			h.forge(func(d *targetsfile.Document) { d.Epoch = "0f8c0000-0000-4000-8000-000000000000" })
		}},
	}
	for name, c := range cases {
		for when, publish := range map[string]func(h *harness){
			"heartbeat":   func(h *harness) { h.pass(10 * time.Second) },
			"publication": func(h *harness) { h.edit("c", "https://c") },
		} {
			t.Run(name+", found by the "+when, func(t *testing.T) {
				bubble(t, followed, func(h *harness) {
					h.edit("a", "https://a")
					h.edit("b", "https://b")
					h.start()
					h.pass(25 * time.Second)
					before := h.published()
					c.spoil(h)
					publish(h)
					h.pass(time.Second)
					got := h.published()
					if got == nil || len(got.Entries) < 2 {
						t.Fatalf("got %v, want the sidecar's document", got)
					}
					if info, err := os.Stat(h.path); err != nil || info.Mode() != 0o640 {
						t.Errorf("got mode %v, %v; want 0640", info.Mode(), err)
					}
					if got.Epoch == before.Epoch || got.Generation != 1 {
						t.Errorf("got epoch %s, generation %d, was %s; want a new epoch: a reader may have read what was there meanwhile",
							got.Epoch, got.Generation, before.Epoch)
					}
					if s := h.GetStatus(); !s.Ready || s.Error != "" || s.Snapshot.Epoch != got.Epoch {
						t.Errorf("got ready %t, error %q, epoch %s; want the status of the file", s.Ready, s.Error, s.Snapshot.Epoch)
					}
					because := map[bool]string{false: "gone", true: "foreign"}[c.foreign]
					h.expectMetrics(map[string]float64{`publishing_snapshot_missing_total{because="` + because + `"}`: 1})
					h.pass(time.Minute)
					h.expectMetrics(map[string]float64{`publishing_snapshot_missing_total{because="` + because + `"}`: 1})
					h.expectLists(1)
				})
			})
		}
	}
}

func TestReadinessKnowsThatTheFileIsGone(t *testing.T) {
	for name, before := range map[string]func(h *harness){
		"while all is well":   func(*harness) {},
		"while a write fails": func(h *harness) { h.pass(5 * time.Minute) },
		"while the guard holds one back": func(h *harness) {
			h.pass(5 * time.Minute)
			h.cluster.delete(testNamespace, "a")
			h.pass(5 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) { readinessKnowsThatTheFileIsGone(t, before) })
	}
}

func readinessKnowsThatTheFileIsGone(t *testing.T, before func(h *harness)) {
	bubble(t, func(h *harness) { h.config.MinTargets = 1 }, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
		before(h)
		if s := h.GetStatus(); !s.Ready {
			t.Error("got not ready while the file is in place")
		}
		if err := os.Remove(h.path); err != nil {
			t.Fatal(err)
		}
		h.pass(10 * time.Second)
		if s := h.GetStatus(); s.Ready || s.Error == "" {
			t.Errorf("got ready %t, error %q; want that it is gone and cannot be written", s.Ready, s.Error)
		}
		h.pass(5 * time.Minute) // with many tries to put it back
		h.expectMetrics(map[string]float64{`publishing_snapshot_missing_total{because="gone"}`: 1})
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(30 * time.Second)
		if !h.GetStatus().Ready {
			t.Error("got not ready; want that it is back")
		}
		h.expectNames("a")
	})
}

// TestTwoWritersOfOnePathAreTold once each, however long they go on.
func TestTwoWritersOfOnePathAreTold(t *testing.T) {
	bubble(t, nil, func(h *harness) {
		h.cluster.put(t, testNamespace, "a", "https://a")
		h.start()
		for range 12 {
			h.forge(func(d *targetsfile.Document) { d.Epoch = "0f8c0000-0000-4000-8000-000000000000" })
			h.pass(10 * time.Second)
		}
		if got := len(h.logLines("somebody else wrote the snapshot, it is replaced in a new epoch")); got != 1 {
			t.Errorf("got %d lines, want 1", got)
		}
		h.expectMetrics(map[string]float64{`publishing_snapshot_missing_total{because="foreign"}`: 12})
	})
}

// TestPuttingTheFileBackDoesNotHideARefusal: the changes that the guard refused are still not in place.
func TestPuttingTheFileBackDoesNotHideARefusal(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 2 }, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		h.pass(15 * time.Second)
		h.cluster.delete(testNamespace, "b")
		h.pass(time.Second)
		before := h.GetStatus()
		if before.Error == "" || before.Discovered != 1 {
			t.Fatalf("got error %q, %d discovered; want the refusal", before.Error, before.Discovered)
		}
		if err := os.Remove(h.path); err != nil {
			t.Fatal(err)
		}
		h.pass(10 * time.Second)
		h.expectNames("a b")
		if got := h.GetStatus(); got.Error != before.Error || got.Discovered != 1 {
			t.Errorf("got error %q, %d discovered; want %q, 1", got.Error, got.Discovered, before.Error)
		}
	})
}

// TestTheFileIsPutBackWhileTheGuardRefuses what a failed write is to be tried again with.
func TestTheFileIsPutBackWhileTheGuardRefuses(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 2 }, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
		if err := os.Remove(h.path); err != nil {
			t.Fatal(err)
		}
		h.pass(15 * time.Second) // the write failed
		h.cluster.delete(testNamespace, "b")
		h.pass(time.Second)
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(time.Minute)
		h.expectNames("a b")
		if s := h.GetStatus(); !s.Ready {
			t.Error("not ready")
		}
	})
}

// TestPuttingTheFileBackIsNoRefresh: a refresh whose write had failed, and that the guard refuses now, has not succeeded.
func TestPuttingTheFileBackIsNoRefresh(t *testing.T) {
	bubble(t, func(h *harness) { followed(h); h.config.MinTargets = 2 }, func(h *harness) {
		h.edit("a", "https://a")
		h.edit("b", "https://b")
		h.start()
		h.pass(15 * time.Second)
		before := h.GetStatus().LastRefresh
		h.disk.set(func(d *disk) { d.broken = errors.New("disk full") })
		if err := os.Remove(h.path); err != nil {
			t.Fatal(err)
		}
		if err := h.RefreshNow(); err != nil {
			t.Fatal(err)
		}
		h.pass(100 * time.Millisecond)
		h.cluster.delete(testNamespace, "b")
		h.disk.set(func(d *disk) { d.broken = nil })
		h.pass(time.Minute)
		h.expectNames("a b")
		if got := h.GetStatus().LastRefresh; !got.Equal(before) {
			t.Errorf("got a last refresh at %s, want %s", got, before)
		}
	})
}
