package targetsfile

import (
	"io/fs"
	"log/slog"
	"os"
	"time"
)

const (
	// eventGrace is how long the event of a change that a poll has found may still be on its way.
	eventGrace = time.Second
	// muteInterval is how often the file is looked at while events do not announce its changes.
	muteInterval = time.Second
)

// announcements tells whether a watch that was added without an error announces anything. Between the containers of a gVisor pod, on FUSE
// and network mounts whose files change from beneath, and behind a symbolic link a watch never does.
type announcements struct {
	byPoll bool             // the load that is due has no other reason than a poll
	doubt  <-chan time.Time // ends the wait for the late event of a change; nil: no event is late
	isMute bool             // a change came without an event, and no event has come since

	unlinked fs.FileInfo // the file at the path, if the last poll found it without a name in any directory; otherwise nil
}

// heard ends all doubts about the watch.
func (f *follower) heard() {
	f.byPoll, f.doubt = false, nil
	if f.isMute {
		f.isMute = false
		f.tellWatching()
		f.log.Info("events announce changes of the target snapshot again", slog.String("path", f.path))
	}
}

// doubtWatch begins to doubt the watch if a poll alone has found what changed.
func (f *follower) doubtWatch(isChanged bool) {
	if isChanged && f.byPoll && f.watch != nil && !f.isMute && f.doubt == nil {
		f.doubt = time.After(eventGrace)
	}
	f.byPoll = false
}

// setMute ends the claim that events announce changes.
func (f *follower) setMute() {
	f.doubt, f.isMute = nil, true
	f.tellWatching()
	f.log.Warn("the target snapshot changed and no event announced it, looking at the file more often", slog.String("path", f.path),
		slog.Duration("poll_interval", f.interval()))
}

// interval is the time between two polls.
func (f *follower) interval() time.Duration {
	if f.isMute {
		return min(f.pollInterval, muteInterval)
	}
	return f.pollInterval
}

// lookForName finds out whether the file at the path is mounted by itself: once such a file is replaced in its directory, it has no name in
// any directory, and is at the path all the same. A rename can make any file look so for a moment, so two polls must agree.
func (f *follower) lookForName() {
	now, err := os.Stat(f.path)
	if err != nil || !isUnlinked(now) {
		now = nil
	}
	isDetached := now != nil && f.unlinked != nil && os.SameFile(now, f.unlinked)
	f.unlinked = now
	if isDetached == f.current.Detached {
		return
	}
	f.current.Detached = isDetached
	f.tellWatching()
	if isDetached {
		f.log.Warn("the target snapshot at the path was replaced elsewhere, and the new one never comes: "+detachedHint, slog.String("path", f.path))
	}
}

const detachedHint = "the file is mounted by itself, as by a subPath; mount its directory"

// tellWatching publishes whether events announce changes.
func (f *follower) tellWatching() {
	f.current.Watching = f.watch != nil && !f.isMute && !f.current.Detached
	f.publish(f.current)
}
