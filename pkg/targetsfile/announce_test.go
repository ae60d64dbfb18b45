package targetsfile_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Behind a symbolic link the watch is there, and no event ever comes: what other mounts do, too, which a test cannot have.
func TestAChangeThatNoEventAnnouncedEndsTheClaim(t *testing.T) {
	const told, again = "no event announced it", "events announce changes of the target snapshot again"
	elsewhere := published(t, document(t, 1, "a"))
	path := filepath.Join(t.TempDir(), "targets.json")
	check(t, os.Symlink(elsewhere, path))
	var log safeBuffer
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond), targetsfile.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if !r.Status().Watching {
		t.Fatal("got no watch, want one")
	}
	rename(t, elsewhere, encode(t, document(t, 2, "a")))
	serves(t, r, 2)
	eventually(t, r, "the claim is given up", func() bool { return !r.Status().Watching })
	rename(t, elsewhere, encode(t, document(t, 3, "a")))
	serves(t, r, 3)
	if text := log.take(); strings.Count(text, told) != 1 || !strings.Contains(text, "poll_interval=1ms") {
		t.Errorf("got log %s, want it told once", text)
	}

	check(t, os.Symlink(elsewhere, path+".new"), os.Rename(path+".new", path)) // an event
	eventually(t, r, "the claim is back", func() bool { return r.Status().Watching })
	for generation := range uint64(2) { // the load that the event asks for may find the first
		rename(t, elsewhere, encode(t, document(t, 4+generation, "a")))
		serves(t, r, 4+generation)
	}
	eventually(t, r, "the claim is given up again", func() bool { return !r.Status().Watching })
	check(t, r.Close()) // waits for the log
	if text := log.take(); strings.Count(text, told) != 1 || strings.Count(text, again) != 1 {
		t.Errorf("got log %s, want each told once", text)
	}
}
