package sync

import (
	"slices"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// onEvent takes in what a watch saw.
func (l *loop) onEvent(t told) {
	e := t.event
	if l.stopping || l.following.watches[e.Namespace].by != t.by {
		return
	}
	if e.Kind == source.Opened {
		if l.following.open(e.Namespace) {
			l.schedule.bringForward()
			l.checkVersion(e.Namespace)
		}
		return
	}
	if l.following.hear(e) {
		l.metrics.watchRestarts.WithLabelValues(string(source.WatchSilent)).Inc()
	}
	l.metrics.watchEvents.WithLabelValues(e.Kind.String()).Inc()
	if e.Kind == source.Relist {
		l.requests.relist(e.Namespace, e.ResourceVersion)
		return
	}
	l.change(e)
}

// change takes in an event about a Secret, or a bookmark.
func (l *loop) change(e source.Event) {
	if !l.catalogue.apply(e) {
		return
	}
	l.log.Debug().Str("secret", e.Secret.Key).Stringer("type", e.Kind).Str("resource_version", e.ResourceVersion).Msg("secret changed")
	if e.Kind == source.Upsert {
		l.reports.expect(&e.Secret)
	}
	l.publications.pending++
	l.publishChanges()
}

// publishChanges publishes what events changed, at once after a quiet spell, else when it may. What it may not publish now stays for
// whoever publishes next: it is in the catalogue.
func (l *loop) publishChanges() {
	p := &l.publications
	if p.pending == 0 || p.writing != nil || p.failed != nil || l.stopping {
		return
	}
	if p.inPlace == nil && !l.catalogue.complete() {
		return
	}
	if wait := time.Until(p.pacedUntil); wait > 0 {
		p.paced.Reset(wait)
		return
	}
	begun, events := time.Now(), p.pending
	m := l.merge(l.log)
	switch f := l.guard(m); {
	case f != nil:
		l.refuseChanges(f, m)
	case l.equalsLast(m):
		p.confirm(m)
		p.pace(0, time.Since(begun))
		l.changesInPlace()
	default:
		l.publish(m, publication{log: l.log, begun: begun, events: events})
	}
}

// equalsLast reports whether a document of m would say nothing that the one in place does not.
func (l *loop) equalsLast(m merged) bool {
	last := l.last()
	return last != nil && m.discovered == last.Discovered && m.valid == last.Valid &&
		slices.EqualFunc(m.entries, last.Entries, (*targetsfile.Entry).Equal) &&
		slices.Equal(m.listed(), last.Rejections)
}

// refuseChanges is what the guard does to changes: the last document stays, and nothing tries again until something changes. The
// refreshes' own state is not touched.
func (l *loop) refuseChanges(f *failure, m merged) {
	l.metrics.errors.WithLabelValues(string(f.kind)).Inc()
	if l.publications.refusal(l.attempts.last) == nil {
		l.log.Warn().Err(f.err).Str("hint", f.hint).Msg("changes are not published, keeping the last snapshot")
	}
	l.publications.withhold(m.counts(), f, l.attempts.last)
}

// changesWritten takes in that a publication after changes is in place.
func (l *loop) changesWritten(p publication) {
	took := time.Since(p.begun)
	l.publications.lastOfChanges = span{ended: time.Now(), took: took}
	p.log.Info().
		Int("events", p.events).
		Int("target_count", len(p.document.Entries)).
		Int("invalid_count", p.document.Invalid).
		Uint64("generation", p.document.Generation).
		Float64("duration_ms", milliseconds(took)).
		Msg("changes published")
	l.changesInPlace()
}

// changesInPlace takes in that what events brought is in place. A refresh that the guard refused has enough targets now.
func (l *loop) changesInPlace() {
	if l.attempts.failedBy() == typeGuard {
		l.schedule.bringForward()
	}
}

// freeNames publishes, with a heartbeat, what may have a name now that was reserved for a minute.
func (l *loop) freeNames() {
	for _, v := range l.catalogue.vacated {
		if age := time.Since(v.since); age >= reservedFor && age < reservedFor+heartbeatInterval {
			l.publications.pending++
			l.publishChanges()
			return
		}
	}
}
