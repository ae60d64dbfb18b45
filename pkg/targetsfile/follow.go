package targetsfile

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	// fullReadEvery is how many polls it takes until the file is read whatever its times and size say: both can be those of the file
	// before, after a copy that preserves times, or where the clock of a file system is coarse.
	fullReadEvery = 12
	// leastRest is the least time between two loads, so that a storm of events costs a bounded share of a core.
	leastRest = 20 * time.Millisecond
)

// follower decides when to load. It belongs to one goroutine at a time: at first to that of Open, then to that of run.
//
// Polling makes the reader correct: file systems without events, lost events and replaced directories are all found by it. Events only
// make it fast.
type follower struct {
	config
	loader  loader
	publish func(state)
	current state // the state that was published last

	derivations chan derivation
	derived     []derived // what is kept in step with current

	nudges    chan struct{} // each says: look at once; one is kept, further ones add nothing
	watch     *dirWatch     // nil: there is no watch
	watchFail string        // why there is no watch, as the log tells
	polls     int
	restUntil time.Time

	announcements
}

func newFollower(c config, publish func(state)) *follower {
	return &follower{
		config:  c,
		loader:  loader{path: c.path, limit: c.maxBytes, log: c.log},
		publish: publish,
		nudges:  make(chan struct{}, 1),

		derivations: make(chan derivation),
	}
}

// run follows the file until ctx is done.
func (f *follower) run(ctx context.Context) {
	defer f.stop()
	poll := time.NewTimer(f.untilPoll())
	defer poll.Stop()
	var due <-chan time.Time // fires when the next load is due; nil: no load is due
	for {
		owed := false
		select {
		case <-ctx.Done():
			return
		case <-f.nudges:
			f.heard()
			owed = true
		case <-poll.C:
			f.byPoll = f.byPoll || due == nil
			owed = f.look()
			poll.Reset(f.untilPoll())
		case <-f.doubt:
			f.setMute()
			poll.Reset(f.untilPoll())
		case <-due:
			due = nil
			f.load()
		case d := <-f.derivations:
			f.derive(d)
		}
		if owed && due == nil {
			due = time.After(time.Until(f.restUntil))
		}
	}
}

func (f *follower) stop() {
	f.watch.close()
	f.current.Watching = false
	f.publish(f.current)
}

// untilPoll returns the poll interval give or take a tenth.
func (f *follower) untilPoll() time.Duration {
	return time.Duration(float64(f.interval()) * (0.9 + 0.2*rand.Float64())) // #nosec G404 -- it spreads load, it hides nothing
}

// look is one poll. It reports whether to load. A file that was refused is read with every poll: it may have been completed since without
// a change of its times.
func (f *follower) look() bool {
	f.polls++
	f.lookForName()
	return f.arm() || f.current.ConsecutiveFailures > 0 || f.polls%fullReadEvery == 0 || !f.loader.unchanged()
}

// load arms the watch before it reads, so that a change is either read or announced. It answers all nudges that came before; a later nudge
// causes another load, so that the last state of the file always wins.
func (f *follower) load() {
	select {
	case <-f.nudges:
		f.heard()
	default:
	}
	f.arm()
	start := time.Now()
	seen, accepted := f.loader.seen, f.loader.accepted
	f.replace(f.loader.load(f.current))
	f.doubtWatch(accepted != f.loader.accepted || !hasSameContent(seen, f.loader.seen))
	end := time.Now()
	f.restUntil = end.Add(max(leastRest, end.Sub(start)))
}

// arm sees to it that events come from the directory that is now at the path, and reports whether it has opened a new watch. Without a
// watch every poll tries again: inotify instances are limited per user and node, and other processes give theirs back.
func (f *follower) arm() bool {
	if f.withoutWatch || f.watch.intact() {
		return false
	}
	f.watch.close()
	watch, err := watchDirectory(f.path, f.nudges)
	f.watch = watch
	f.byPoll = false // without a watch it is normal that a poll finds a change
	f.tellWatching()
	f.logWatch(err)
	return err == nil
}

func (f *follower) logWatch(err error) {
	switch {
	case err == nil && f.watchFail != "":
		f.log.Info("following the target snapshot by events again", slog.String("path", f.path))
		f.watchFail = ""
	case err != nil && f.watchFail != err.Error():
		f.log.Warn("following the target snapshot by polling alone", slog.String("path", f.path), slog.Any("error", err),
			slog.Duration("poll_interval", f.pollInterval))
		f.watchFail = err.Error()
	}
}
