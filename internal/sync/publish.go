package sync

import (
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// minFreshness is the least time for which a refresh vouches for the snapshot.
const minFreshness = 10 * time.Minute

// publication is one write of the snapshot.
type publication struct {
	log        zerolog.Logger // of the refresh, if it is of one
	begun      time.Time      // with its merge
	events     int            // that it is of
	document   *targetsfile.Document
	versions   []string // see merged
	rejections []rejection
	refresh    *attempt // whose step 8 it is, or would have been; nil: of none
	retry      bool     // of a write that failed
	size       int64
	failure    *failure // of the write
}

// owed is a write that failed. It is tried again on a timer of its own, without another LIST.
type owed struct {
	log      zerolog.Logger
	refresh  *attempt // becomes the success when the write succeeds; nil: of none, or a later one failed
	failures int
}

// publishRefresh is steps 6 to 8 of a refresh whose LIST has ended, once the publisher is free.
func (l *loop) publishRefresh() {
	a := l.attempt
	// Half of the first snapshot would tell a new pod that the other half does not exist.
	if a.reached == 0 || l.last == nil && !l.catalogue.complete() {
		l.finish(a.failure, l.schedule.failure(a.failure))
		return
	}
	// (6)
	begun := time.Now()
	m := l.merge(a.log)
	l.changes.count = 0
	l.setCounts(m)
	// (7)
	if f := l.guard(m); f != nil {
		if a.failure != nil {
			f = a.failure
		}
		l.finish(f, l.schedule.failure(f))
		return
	}
	// (8)
	if a.failure == nil {
		l.vouched = a.listedAt
	}
	l.owed = nil
	l.writeAgain.Stop()
	l.publish(m, publication{log: a.log, begun: begun, refresh: a})
}

// guard refuses a result that is suspiciously small: the API server answers a mistyped label or namespace with an empty list.
func (l *loop) guard(m merged) *failure {
	if len(m.entries) >= l.cfg.MinTargets {
		return nil
	}
	return guardFailure(len(m.entries), l.cfg.MinTargets)
}

// compose gives content its place in the sequence of documents.
func (l *loop) compose(m merged) *targetsfile.Document {
	now := time.Now().UTC().Truncate(time.Millisecond)
	d := &targetsfile.Document{
		Epoch: l.epoch, Generation: 1, ChangedAt: now,
		Source:     l.cfg.Origin,
		Discovered: m.discovered, Valid: m.valid, Invalid: m.discovered - m.valid,
		Entries: m.entries, Rejections: m.listed(),
	}
	if l.last != nil {
		d.Generation, d.ChangedAt = l.last.Generation, l.last.ChangedAt
		if !slices.EqualFunc(m.entries, l.last.Entries, (*targetsfile.Entry).Equal) {
			d.Generation, d.ChangedAt = l.last.Generation+1, now
		}
	}
	d.RefreshedAt = l.refreshedAt().UTC().Truncate(time.Millisecond)
	d.StaleAfter = d.RefreshedAt.Add(max(minFreshness, 2*l.cfg.Interval))
	return d
}

// refreshedAt is the end of the last complete LIST; before this epoch's first, the oldest of the namespaces' last ones.
func (l *loop) refreshedAt() time.Time {
	if !l.vouched.IsZero() {
		return l.vouched
	}
	if l.last != nil {
		return l.last.RefreshedAt
	}
	oldest := l.status.Namespaces[0].LastSuccess
	for _, n := range l.status.Namespaces {
		if n.LastSuccess.Before(oldest) {
			oldest = n.LastSuccess
		}
	}
	return oldest
}

// publish hands the next document to the publisher goroutine, of which there is at most one.
func (l *loop) publish(m merged, p publication) {
	p.document, p.versions, p.rejections = l.compose(m), m.versions, m.rejections
	l.publishing = &p
	l.workers.Go(func() {
		p.size, p.failure = l.write(p.log, p.document)
		l.published <- p
	})
}

// write runs in the publisher goroutine.
func (l *loop) write(log zerolog.Logger, d *targetsfile.Document) (size int64, f *failure) {
	defer func() {
		if value := recover(); value != nil {
			log.Error().Type("panic", value).Bytes("stack", debug.Stack()).Msg("panic while publishing, keeping the last snapshot")
			f = panicFailure(value)
		}
	}()
	size, err := l.cfg.Publisher.Publish(d)
	if err != nil {
		return 0, writeFailure(err)
	}
	return size, nil
}

// onPublished takes in the end of a write.
func (l *loop) onPublished(p publication) {
	l.publishing = nil
	l.changes.from = time.Now().Add(max(paceLeast, paceShare*time.Since(p.begun)))
	if p.failure != nil {
		l.writeFailed(p)
	} else {
		l.written(p)
	}
	if l.attempt != nil && !l.attempt.listedAt.IsZero() && l.publishing == nil {
		l.publishRefresh() // it waited for the publisher
	}
	l.publishChanges()
}

// written takes in a document that is in place.
func (l *loop) written(p publication) {
	l.metrics.publications.WithLabelValues("written").Inc()
	l.metrics.setDocument(p.document, p.size)
	l.metrics.setInvalid(p.rejections)
	l.showDocument(p.document, p.size)
	logChanges(p.log, l.last, p.document)
	l.last = p.document
	if l.vouched.After(l.status.LastRefresh) { // the file says so now, also where a later attempt has failed
		l.status.LastRefresh = l.vouched
		l.metrics.lastSuccess.Set(unixSeconds(l.vouched))
	}
	l.manager.published.Store(&Published{Document: p.document, Versions: p.versions})
	switch {
	case p.retry:
		l.settle(p)
	case p.refresh == nil:
		l.changesWritten(p)
	case p.refresh.failure == nil:
		l.finish(nil, l.schedule.success())
	default:
		p.refresh.written = true
		l.finish(p.refresh.failure, l.schedule.failure(p.refresh.failure))
	}
}

// settle completes a write that had failed. If no later attempt failed, the refresh it belongs to becomes the success.
func (l *loop) settle(p publication) {
	refresh := l.owed.refresh
	l.owed = nil
	l.changesInPlace()
	p.log.Info().Uint64("generation", p.document.Generation).Msg("snapshot written after a failed write")
	if refresh == nil {
		return
	}
	l.schedule.success()
	l.markFresh(refresh.listedAt)
	if l.attempt == nil {
		l.status.State = StateSuccess
		l.endManual(refresh)
	}
	l.giveUp(nil)
}

// writeFailed has the write tried again, and ends the refresh that it belongs to.
func (l *loop) writeFailed(p publication) {
	l.metrics.publications.WithLabelValues("failed").Inc()
	if !p.retry {
		l.owed = &owed{log: p.log}
		if p.refresh != nil && p.refresh.failure == nil {
			l.owed.refresh = p.refresh
		}
	}
	l.owed.failures++
	if !l.stopping {
		l.writeAgain.Reset(l.schedule.jittered(entry(l.cfg.StartupBackoff, l.owed.failures-1)))
	}
	switch {
	case p.retry:
		l.metrics.errors.WithLabelValues(string(p.failure.kind)).Inc()
		p.log.Error().Err(p.failure.err).Int("attempt", l.owed.failures).Msg("writing the snapshot failed again, keeping the last one")
		l.giveUp(p.failure)
	case p.refresh == nil:
		l.metrics.errors.WithLabelValues(string(p.failure.kind)).Inc()
		p.log.Error().Err(p.failure.err).Str("hint", p.failure.hint).Msg("writing changes failed, keeping the last snapshot")
		l.changeFault = faultOf(p.failure, p.failure.class)
		l.showFault()
	case p.refresh.failure != nil:
		l.metrics.errors.WithLabelValues(string(p.failure.kind)).Inc()
		p.log.Error().Err(p.failure.err).Msg("writing the snapshot failed, keeping the last one")
		l.finish(p.refresh.failure, l.schedule.failure(p.refresh.failure))
	default:
		l.finish(p.failure, l.schedule.written())
	}
}

// publishOwed tries a failed write again with what is known now.
func (l *loop) publishOwed() {
	if l.owed == nil || l.publishing != nil {
		return
	}
	begun := time.Now()
	m := l.merge(l.owed.log)
	l.changes.count = 0
	if l.guard(m) != nil { // until a change or a refresh makes it enough
		l.writeAgain.Reset(l.schedule.jittered(entry(l.cfg.StartupBackoff, l.owed.failures-1)))
		return
	}
	l.publish(m, publication{log: l.owed.log, begun: begun, retry: true})
}
