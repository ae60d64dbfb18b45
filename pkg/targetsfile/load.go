package targetsfile

import (
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"time"
	"weak"
)

// loader turns the file into the reader's next state. It keeps the last good snapshot whatever it finds.
type loader struct {
	path   string
	limit  int64
	log    *slog.Logger
	seen   fs.FileInfo // the file that was opened last; nil if opening failed
	logged string      // the failure that the log already tells of

	buffer   weak.Pointer[[]byte] // the bytes of the last file, to read the next one into unless the garbage collector came in between
	sums     checksums            // of the files that were decoded
	seed     maphash.Seed         // makes digests that nobody else can predict
	accepted uint64               // the digest of the content that was accepted last
	refused  uint64               // the digest of the content that was refused last
	refusal  error                // why that content was refused; nil: none was refused, or a good one came since
}

// secondLook is how long to wait before looking again for a file that is suddenly missing. On FUSE a name that is being replaced is now and
// then missing for a moment.
const secondLook = leastRest

// load reads the file once and returns the state that follows current.
func (l *loader) load(current state) state {
	next, err := l.read(current.Snapshot)
	if err != nil {
		current.LastError, current.LastErrorAt = err, time.Now()
		current.ConsecutiveFailures++
		current.Rejects++
		l.logRefusal(current.Snapshot, err)
		return current
	}
	if l.logged != "" && current.Snapshot != nil {
		l.log.Info("target snapshot file is good again", slog.String("path", l.path))
	}
	l.logged = ""
	if next != current.Snapshot {
		l.logSnapshot(current.Snapshot, next)
		current.Snapshot, current.LoadedAt = next, time.Now()
	}
	current.LastError, current.LastErrorAt, current.ConsecutiveFailures = nil, time.Time{}, 0
	current.Loads++
	return current
}

// unchanged reports whether path still has the file that was loaded last.
func (l *loader) unchanged() bool { return unchanged(l.path, l.seen) }

// read returns the snapshot to answer from, which is held itself if the file has the same bytes.
func (l *loader) read(held *Snapshot) (*Snapshot, error) {
	buffer := l.buffer.Value()
	if buffer == nil {
		buffer = new([]byte)
		l.buffer = weak.Make(buffer)
	}
	info, err := readRegular(l.path, l.limit, buffer)
	if errors.Is(err, fs.ErrNotExist) && l.seen != nil {
		time.Sleep(secondLook)
		info, err = readRegular(l.path, l.limit, buffer)
	}
	l.seen = info
	if err != nil {
		return nil, refuseFile(l.path, err)
	}
	if l.seed == (maphash.Seed{}) {
		l.seed = maphash.MakeSeed()
	}
	digest := maphash.Bytes(l.seed, *buffer)
	switch {
	case held != nil && digest == l.accepted:
		l.refusal = nil
		return held, nil
	case l.refusal != nil && digest == l.refused:
		return nil, l.refusal
	}
	next, err := l.decode(*buffer, held)
	if err != nil {
		l.refused, l.refusal = digest, refuseFile(l.path, err)
		return nil, l.refusal
	}
	l.accepted, l.refusal = digest, nil
	return next, nil
}

// decode returns the snapshot that data holds, if it may follow held.
func (l *loader) decode(data []byte, held *Snapshot) (*Snapshot, error) {
	doc, err := decode(data, held.list(), &l.sums)
	if err != nil {
		return nil, err
	}
	if held != nil && isRollback(held, doc) {
		return nil, refuse(ReasonRollback,
			"generation %d of this epoch was served already, the file has %d", held.Generation(), doc.Generation)
	}
	return newSnapshot(doc, held), nil
}

// isRollback reports whether doc is older than held or contradicts it. Within an epoch generations only rise, and each generation has one
// content; epochs have no order.
func isRollback(held *Snapshot, doc *Document) bool {
	if doc.Epoch != held.Epoch() || doc.Generation > held.Generation() {
		return false
	}
	return doc.Generation < held.Generation() || doc.Checksum != held.Checksum()
}

func (l *loader) logSnapshot(held, next *Snapshot) {
	level, message := slog.LevelInfo, "target snapshot loaded"
	if held != nil && held.index == next.index {
		level, message = slog.LevelDebug, "target snapshot refreshed"
	}
	l.log.LogAttrs(context.Background(), level, message, slog.String("path", l.path),
		slog.Uint64("generation", next.Generation()), slog.Int("target_count", next.Len()))
}

// logRefusal logs a failure when it is new: a broken file would otherwise fill the log with every poll.
func (l *loader) logRefusal(held *Snapshot, err error) {
	if err.Error() == l.logged {
		return
	}
	l.logged = err.Error()
	if held == nil {
		l.log.Warn("no target snapshot yet, waiting for a valid file", slog.Any("error", err))
		return
	}
	l.log.Warn("keeping the last target snapshot, the file was refused", slog.Any("error", err),
		slog.Uint64("generation", held.Generation()))
}
