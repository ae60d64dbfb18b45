package follow_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestAThousandEditsAsFastAsPossible ends with the last state in the file, after few publications, none older than the one before.
func TestAThousandEditsAsFastAsPossible(t *testing.T) {
	t.Parallel()
	const secrets, edits = 8, 1000
	w := newWorld(t, controlplane.Get(t))
	w.manyWebhooks(secrets)
	var names, want []string
	for i := range secrets {
		names = append(names, nth(i))
		want = append(want, fmt.Sprintf("%s/%d", nth(i), edits/secrets))
	}
	e := w.follow(func(s *setup) { s.keeps = names })
	began := time.Now()
	results := make(chan error)
	for _, name := range names { // each has a writer of its own
		go func() {
			var errs []error
			for edit := range edits / secrets {
				errs = append(errs, w.tryPut(name, map[string]string{"type": "webhook", "url": editURL(edit + 1)}))
			}
			results <- errors.Join(errs...)
		}()
	}
	for range names {
		w.must(<-results)
	}
	e.awaits(want...)
	took := time.Since(began)
	publications := e.metric("publishing_snapshot_publications_total", "written") - 1
	// The pace is at least 20 ms from the end of one publication to the next, so this bound holds on a slow machine, too.
	if most := float64(took/(20*time.Millisecond)) + 1; publications > most {
		t.Errorf("got %v publications in %s, want at most %v", publications, took, most)
	}
	if got := e.metric("publishing_watch_events_total", "upsert"); got != edits {
		t.Errorf("got %v events, want %d", got, edits)
	}
	e.expectRequests(exactly(1), limits{1, 2}) // an API server ends a watch that it finds too slow
	t.Logf("%d edits in %s: %v publications", edits, took.Round(time.Millisecond), publications)
}
