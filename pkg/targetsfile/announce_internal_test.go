package targetsfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A poll that comes before the event, or beside it, is no reason for a doubt.
func TestPollAndEventInAnyOrder(t *testing.T) {
	t.Run("event waits while the poll loads", func(t *testing.T) {
		f, replace := watching(t, filepath.Join(t.TempDir(), "targets.json"))
		replace(2)
		<-f.nudges
		nudge(f.nudges)
		f.byPoll = true
		f.load()
		if f.doubt != nil || f.isMute || f.current.Snapshot.Generation() != 2 {
			t.Errorf("got doubt %v, mute %t and %v, want neither and generation 2", f.doubt, f.isMute, f.current.Snapshot)
		}
	})
	t.Run("event comes after", func(t *testing.T) {
		elsewhere := t.TempDir()
		path := filepath.Join(t.TempDir(), "targets.json")
		if err := os.Symlink(filepath.Join(elsewhere, "x.json"), path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(elsewhere, "x.json"), whole(t, 1), 0o600); err != nil {
			t.Fatal(err)
		}
		f, replace := watching(t, path)
		f.byPoll = true
		f.load()
		if f.doubt != nil {
			t.Error("got a doubt without a change, want none")
		}
		replace(2)
		f.byPoll = true
		f.load()
		if f.doubt == nil || !f.current.Watching {
			t.Errorf("got doubt %v and watching %t, want a doubt that is not told yet", f.doubt, f.current.Watching)
		}
		f.heard()
		if f.doubt != nil || f.isMute {
			t.Error("got a doubt after the event, want none")
		}
		replace(3)
		f.load() // an event's
		if f.doubt != nil {
			t.Error("got a doubt about a load that an event asked for, want none")
		}
	})
}

func TestPollsComeEverySecondWhileNoEventsCome(t *testing.T) {
	f, _ := watching(t, filepath.Join(t.TempDir(), "targets.json"))
	for _, test := range []struct {
		mute       bool
		poll, want time.Duration
	}{
		{false, 5 * time.Second, 5 * time.Second}, {true, 5 * time.Second, time.Second}, {true, 10 * time.Millisecond, 10 * time.Millisecond},
	} {
		f.isMute, f.pollInterval = test.mute, test.poll
		if got := f.interval(); got != test.want {
			t.Errorf("mute %t, poll %s: got %s, want %s", test.mute, test.poll, got, test.want)
		}
	}
}
