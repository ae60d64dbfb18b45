package follow_test

import (
	"errors"
	"testing"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// Each change here is published from its event alone.
func TestEachChangeIsPublishedWithoutAList(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct {
		happens func(*world)
		want    []string // the targets after it, from a/1 and b/1
	}{
		"a Secret is edited":                     {func(w *world) { w.webhook("a", 2) }, []string{"a/2", "b/1"}},
		"a Secret is created":                    {func(w *world) { w.webhook("c", 1) }, []string{"a/1", "b/1", "c/1"}},
		"a Secret is deleted":                    {func(w *world) { w.delete("a") }, []string{"b/1"}},
		"a Secret is labelled out":               {func(w *world) { w.label("a", "false") }, []string{"b/1"}},
		"a Secret is labelled in":                {func(w *world) { w.label("unlabelled", "true") }, []string{"a/1", "b/1", "unlabelled/1"}},
		"a Secret is labelled out and in again":  {func(w *world) { w.label("a", "false"); w.label("a", "true") }, []string{"a/1", "b/1"}},
		"a target is renamed":                    {func(w *world) { w.put("a", "z", 2) }, []string{"b/1", "z/2"}},
		"a broken Secret keeps its last good":    {func(w *world) { w.spoil("a") }, []string{"a/1'", "b/1"}},
		"a broken Secret is mended":              {func(w *world) { w.spoil("a"); w.webhook("a", 2) }, []string{"a/2", "b/1"}},
		"a broken Secret is deleted":             {func(w *world) { w.spoil("a"); w.delete("a") }, []string{"b/1"}},
		"a Secret is deleted and created again":  {func(w *world) { w.delete("a"); w.webhook("a", 2) }, []string{"a/2", "b/1"}},
		"a Secret is created again as a broken":  {func(w *world) { w.delete("a"); w.spoil("a") }, []string{"b/1"}},
		"a name is taken":                        {func(w *world) { w.put("c", "a", 2) }, []string{"a/1", "b/1"}},
		"a name is taken and becomes free":       {func(w *world) { w.put("c", "a", 2); w.delete("a") }, []string{"a/2", "b/1"}},
		"two swap their names one after another": {func(w *world) { w.put("a", "b", 2); w.put("b", "a", 2) }, []string{"a/2", "b/2"}},
		"two swap their names at once": {func(w *world) {
			done := make(chan error)
			go func() { done <- w.tryPut("a", map[string]string{"name": "b", "type": "webhook", "url": editURL(2)}) }()
			w.put("b", "a", 2)
			w.must(<-done)
		}, []string{"a/2", "b/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, controlplane.Get(t))
			w.webhooks("a", "b", "unlabelled")
			w.label("unlabelled", "false")
			e := w.follow()
			e.awaits("a/1", "b/1")
			change.happens(w)
			w.webhook("zz", 1) // events come in order: with zz, all that the change led to is published
			e.awaits(append(change.want, "zz/1")...)
			e.expectRequests(exactly(1), exactly(1))
		})
	}
}

// TestStepsOfASwap looks at the file between the two edits: nobody loses a target.
func TestStepsOfASwap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b")
	e := w.follow(func(s *setup) { s.keeps = []string{"a", "b"} })
	w.put("a", "b", 2)
	e.awaits("a/1'", "b/1")
	if d := e.document(); len(d.Rejections) != 1 || d.Rejections[0].Secret != w.namespace+"/a" ||
		d.Rejections[0].Reason != targetsfile.RejectDuplicate || d.Rejections[0].Serving != targetsfile.ServingLastGood {
		t.Errorf("got rejections %+v, want a as a duplicate that serves its last good target", d.Rejections)
	}
	w.put("b", "a", 2)
	e.awaits("a/2", "b/2")
	if d := e.document(); d.Invalid != 0 || len(d.Rejections) != 0 {
		t.Errorf("got %d invalid and rejections %+v, want none", d.Invalid, d.Rejections)
	}
}

func TestATypeIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 1)
	e := w.follow()
	w.must(w.tryPut("a", map[string]string{"type": "slack", "url": editURL(1)}))
	e.until("publishes the type", func() error {
		if target := e.document().Entries[0]; target.Type != "slack" || target.PayloadFormat != "slack" {
			return errors.New("it is " + target.Type + " in format " + target.PayloadFormat)
		}
		return nil
	})
	e.untilMetric(1, "publishing_targets", "true", "slack")
}

// TestABrokenSecretIsNamedAtOnce looks at what the status says after an event.
func TestABrokenSecretIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 1)
	e := w.follow()
	w.spoil("a")
	e.untilStatus("names the broken Secret", func(s targetsync.RefreshStatus) bool {
		return s.Invalid == 1 && s.Valid == 0 && s.Snapshot.Kept == 1 && !s.Watch.LastEvent.IsZero() &&
			len(s.Rejections) == 1 && s.Rejections[0].Serving == targetsfile.ServingLastGood
	})
	w.webhook("a", 2)
	e.untilStatus("says that it is mended", func(s targetsync.RefreshStatus) bool {
		return s.Invalid == 0 && s.Valid == 1 && s.Snapshot.Kept == 0 && len(s.Rejections) == 0
	})
	e.awaits("a/2")
}
