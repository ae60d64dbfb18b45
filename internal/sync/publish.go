package sync

import (
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// minFreshness is the least time for which a refresh vouches for the snapshot.
const minFreshness = 10 * time.Minute

// merge merges what is known into the document in place, and reports what is rejected.
func (l *loop) merge(log zerolog.Logger) merged {
	m := merge(l.last(), l.catalogue, !l.cfg.DropInvalid, time.Now())
	l.publications.pending = 0
	l.reports.merged(log, m.rejections, l.catalogue)
	return m
}

// guard refuses a result that is suspiciously small: the API server answers a mistyped label or namespace with an empty list. Flags that have
// found a target are not mistyped, and to them no target is a state like any other.
func (l *loop) guard(m merged) *failure {
	if len(m.entries) > 0 {
		l.publications.other = nil
	}
	switch other := l.publications.other; {
	case other != nil:
		return emptyFailure(l.cfg.Origin, other)
	case len(m.entries) < l.cfg.MinTargets:
		return guardFailure(len(m.entries), l.cfg.MinTargets)
	}
	return nil
}

// compose gives content its place in the sequence of documents.
func (l *loop) compose(m merged) *targetsfile.Document {
	now := time.Now().UTC().Truncate(time.Millisecond)
	d := &targetsfile.Document{
		Epoch: l.publications.epoch, Generation: 1, ChangedAt: now,
		Source:     l.cfg.Origin,
		Discovered: m.discovered, Valid: m.valid, Invalid: m.discovered - m.valid,
		Entries: m.entries, Rejections: m.listed(),
	}
	if last := l.last(); last != nil {
		d.Generation, d.ChangedAt = last.Generation, last.ChangedAt
		if !slices.EqualFunc(m.entries, last.Entries, (*targetsfile.Entry).Equal) {
			d.Generation, d.ChangedAt = last.Generation+1, now
		}
	}
	d.RefreshedAt = l.refreshedAt().UTC().Truncate(time.Millisecond)
	d.StaleAfter = d.RefreshedAt.Add(max(minFreshness, 2*l.cfg.Interval))
	return d
}

// refreshedAt is the end of the last complete LIST; before this epoch's first, the oldest of the namespaces' last ones.
func (l *loop) refreshedAt() time.Time {
	if !l.publications.lastCompleteList.IsZero() {
		return l.publications.lastCompleteList
	}
	if last := l.last(); last != nil {
		return last.RefreshedAt
	}
	return l.catalogue.oldestList()
}

// publish hands the next document to the publisher goroutine.
func (l *loop) publish(m merged, p publication) {
	p.document, p.versions, p.rejections = l.compose(m), m.versions, m.rejections
	l.write(p)
}

func (l *loop) write(p publication) {
	l.publications.writing = &p
	w := documentWriter{publisher: l.cfg.Publisher, log: p.log, inPlace: l.last()}
	l.workers.Go(func() {
		w.write(&p)
		l.publications.ended <- p
	})
}

// checkInPlace finds out, with each heartbeat, whether the document in place still is, and puts it back if it is not: the path is the
// sidecar's alone.
func (l *loop) checkInPlace() {
	place := l.publications.inPlace
	if place == nil || l.publications.writing != nil || l.stopping {
		return
	}
	document := *place.Document
	l.write(publication{log: l.log, begun: time.Now(), check: true, document: &document, versions: place.Versions, rejections: place.rejections})
}

// onPublished takes in the end of a write.
func (l *loop) onPublished(p publication) {
	l.publications.writing = nil
	l.reportMissing(p)
	switch {
	case p.check && p.intact:
	case p.failure != nil:
		l.publications.pace(paceLeast, time.Since(p.begun))
		l.writeFailed(p)
	default:
		l.publications.pace(paceLeast, time.Since(p.begun))
		l.written(p)
	}
	if a := l.attempts.running; a != nil && !a.listedAt.IsZero() && l.publications.writing == nil {
		l.publishRefresh() // it waited for the publisher
	}
	l.publishChanges()
}

// reportMissing tells that the document published last was not in place: once, until one is found there again.
func (l *loop) reportMissing(p publication) {
	switch {
	case p.intact:
		l.publications.tampered = false
		return
	case p.failure != nil && !p.foreign: // it could not even be looked for
	case !p.foreign:
		p.log.Warn().Msg("the snapshot was removed or its mode was changed, it is written again")
	case !l.publications.tampered:
		p.log.Warn().Str("hint", "nothing but this sidecar may write to the path: is there a second one, or does the app write?").
			Msg("somebody else wrote the snapshot, it is replaced in a new epoch")
	}
	l.publications.tampered = p.foreign
	if !l.publications.missing { // otherwise the write that was to put it back has failed, and the absence is counted already
		l.publications.missing = true // until a write succeeds
		l.metrics.missing.WithLabelValues(missingBecause(p.foreign)).Inc()
	}
}

// written takes in a document that is in place.
func (l *loop) written(p publication) {
	l.metrics.publications.WithLabelValues("written").Inc()
	if l.last() == nil && p.document.Discovered == 0 {
		l.warnOfNone(p.log)
	}
	l.compare(p.log, p.document)
	l.publications.take(p)
	switch {
	case p.check:
	case p.again:
		l.writtenLate(p)
	case p.refresh == nil:
		l.changesWritten(p)
	default:
		p.refresh.published = true
		l.finish(p.refresh.unanswered)
	}
}

// writtenLate takes in that a failed write succeeded at last. A refresh that failed in nothing else becomes a success, unless a later one
// has ended meanwhile.
func (l *loop) writtenLate(p publication) {
	refresh := l.publications.failed.refresh
	l.publications.failed = nil
	p.log.Info().Uint64("generation", p.document.Generation).Msg("snapshot written after a failed write")
	if refresh != nil && refresh == l.attempts.last {
		l.attempts.succeedLate()
		l.schedule.succeedLate()
		l.giveUp(nil)
	}
	l.changesInPlace()
}

// writeFailed has the write tried again, and ends the refresh that it was to complete.
func (l *loop) writeFailed(p publication) {
	l.metrics.publications.WithLabelValues("failed").Inc()
	if p.check && l.publications.failed != nil {
		return // a later document waits to be written, and tells of the failure
	}
	if l.publications.failed == nil {
		l.publications.failed = &failedWrite{log: p.log}
		if p.refresh != nil && p.refresh.unanswered == nil {
			l.publications.failed.refresh = p.refresh
		}
	}
	l.publications.failed.times++
	l.armWrite()
	refresh := p.refresh
	if refresh == nil || refresh.unanswered != nil { // else the refresh counts it
		l.metrics.errors.WithLabelValues(string(p.failure.kind)).Inc()
		p.log.Error().Err(p.failure.err).Int("attempt", l.publications.failed.times).Str("hint", p.failure.hint).
			Msg("writing the snapshot failed, keeping the last one")
	}
	written := counts{p.document.Discovered, p.document.Valid}
	switch {
	case p.again:
		l.giveUp(p.failure)
	case refresh == nil:
		l.publications.withhold(written, p.failure, l.attempts.last)
	case refresh.unanswered != nil:
		l.publications.withhold(written, nil, nil)
		l.finish(refresh.unanswered)
	default:
		l.publications.withhold(written, nil, nil)
		l.finish(p.failure)
	}
}

// armWrite sets when the failed write is tried again.
func (l *loop) armWrite() {
	if !l.stopping {
		l.publications.again.Reset(l.schedule.jittered(entry(l.cfg.StartupBackoff, l.publications.failed.times-1)))
	}
}

// publishAgain tries a failed write again, with what is known now.
func (l *loop) publishAgain() {
	failed := l.publications.failed
	if failed == nil {
		return
	}
	if l.publications.writing != nil { // a heartbeat's
		l.publications.again.Reset(time.Second)
		return
	}
	begun := time.Now()
	m := l.merge(failed.log)
	if f := l.guard(m); f != nil { // until a change or a refresh makes it enough
		if l.publications.refusal(l.attempts.last) != nil {
			l.publications.withhold(m.counts(), f, l.attempts.last)
		}
		l.armWrite()
		return
	}
	l.publish(m, publication{log: failed.log, begun: begun, again: true})
}

// documentWriter does step 8 of a refresh, or the write after changes, in a goroutine of its own.
type documentWriter struct {
	publisher Publisher
	log       zerolog.Logger
	inPlace   *targetsfile.Document // what should be at the path; nil: whatever is there
}

// write writes a document, in a new epoch if the one before is not in place: readers may have taken what is or was there in its stead for
// the sidecar's, and would refuse what follows in the old epoch.
func (w documentWriter) write(p *publication) {
	defer func() {
		if value := recover(); value != nil {
			w.log.Error().Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while publishing, keeping the last snapshot")
			p.failure = panicFailure(value)
			p.failure.onlyWrite = true
		}
	}()
	var err error
	p.intact = true
	if w.inPlace != nil {
		p.intact, p.foreign, err = w.publisher.Check(w.inPlace)
	}
	if err != nil {
		p.failure = writeFailure(err)
		return
	}
	if p.check && p.intact {
		return
	}
	if !p.intact {
		p.document.Epoch, p.document.Generation = uuid.NewString(), 1
		p.document.ChangedAt = time.Now().UTC().Truncate(time.Millisecond)
	}
	if p.size, err = w.publisher.Publish(p.document); err != nil {
		p.failure = writeFailure(err)
	}
}
