package sync

import (
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	// A burst of changes is published in a few documents: a reader has to load each, and so has time to.
	paceLeast = 20 * time.Millisecond // between the end of a publication and the next one after changes
	paceShare = 4                     // and this many times as long as the last one took
)

// changes are what events said since the last merge.
type changes struct {
	count int
	// since keeps, by namespace and key, the last event of each Secret during a LIST: the answer may be older.
	since map[string]map[string]source.Event
	paced *time.Timer // fires at from
	from  time.Time   // when the next publication after changes may start
}

// listing reports whether a LIST runs.
func (l *loop) listing() bool { return l.attempt != nil && l.attempt.listedAt.IsZero() }

// change takes in an event about a Secret, or a bookmark.
func (l *loop) change(e source.Event) {
	if l.listing() && e.Kind != source.Bookmark {
		if l.changes.since[e.Namespace] == nil {
			l.changes.since[e.Namespace] = map[string]source.Event{}
		}
		l.changes.since[e.Namespace][e.Secret.Key] = e
	}
	if !l.catalogue.apply(e) {
		return
	}
	l.log.Debug().Str("secret", e.Secret.Key).Stringer("type", e.Kind).Str("resource_version", e.ResourceVersion).Msg("secret changed")
	if e.Kind == source.Upsert {
		logWarnings(l.log, []*source.Secret{&e.Secret})
	}
	if known := l.namespace(e.Namespace); known != nil {
		known.Secrets = l.catalogue.count(e.Namespace)
	}
	l.changes.count++
	l.publishChanges()
}

// namespace returns a namespace's part of the status, for this loop to change.
func (l *loop) namespace(name string) *NamespaceStatus {
	i := slices.Index(l.cfg.Namespaces, name)
	if i < 0 {
		return nil
	}
	l.status.Namespaces = slices.Clone(l.status.Namespaces)
	return &l.status.Namespaces[i]
}

// publishChanges publishes what events changed, at once after a quiet spell, else when it may. What it may not publish now stays for
// whoever publishes next: it is in the catalogue.
func (l *loop) publishChanges() {
	if l.changes.count == 0 || l.publishing != nil || l.owed != nil || l.stopping {
		return
	}
	if l.last == nil && !l.catalogue.complete() {
		return
	}
	if wait := time.Until(l.changes.from); wait > 0 {
		l.changes.paced.Reset(wait)
		return
	}
	begun := time.Now()
	m := l.merge(l.log)
	switch f := l.guard(m); {
	case f != nil:
		l.refuseChanges(f, m)
	case l.equalsLast(m):
		l.manager.published.Store(&Published{Document: l.last, Versions: m.versions})
		l.changesInPlace()
		l.changes.from = time.Now().Add(paceShare * time.Since(begun))
	default:
		l.publish(m, publication{log: l.log, begun: begun, events: l.changes.count})
	}
	l.changes.count = 0
}

// merge merges what is known into the last document, and counts and logs what is rejected.
func (l *loop) merge(log zerolog.Logger) merged {
	m := merge(l.last, l.catalogue, !l.cfg.DropInvalid, time.Now())
	l.noteRejections(log, m.rejections)
	return m
}

func (l *loop) setCounts(m merged) {
	l.status.Discovered, l.status.Valid, l.status.Invalid = m.discovered, m.valid, m.discovered-m.valid
}

// equalsLast reports whether a document of m would say nothing that the last one does not.
func (l *loop) equalsLast(m merged) bool {
	return l.last != nil && m.discovered == l.last.Discovered && m.valid == l.last.Valid &&
		slices.EqualFunc(m.entries, l.last.Entries, (*targetsfile.Entry).Equal) &&
		slices.Equal(m.listed(), l.last.Rejections)
}

// refuseChanges is what the guard does to changes: the last document stays, and nothing tries again until something changes. The
// refreshes' own state is not touched.
func (l *loop) refuseChanges(f *failure, m merged) {
	l.metrics.errors.WithLabelValues(string(f.kind)).Inc()
	l.setCounts(m)
	if l.changeFault.text == "" {
		l.log.Warn().Err(f.err).Str("hint", f.hint).Msg("changes are not published, keeping the last snapshot")
	}
	l.changeFault = faultOf(f, f.class)
	l.showFault()
}

// changesWritten takes in that a publication after changes is in place.
func (l *loop) changesWritten(p publication) {
	l.status.Duration = time.Since(p.begun)
	p.log.Info().
		Int("events", p.events).
		Int("target_count", len(p.document.Entries)).
		Int("invalid_count", p.document.Invalid).
		Uint64("generation", p.document.Generation).
		Float64("duration_ms", float64(l.status.Duration.Microseconds())/1000).
		Msg("changes published")
	l.changesInPlace()
}

// changesInPlace takes in that what events brought is in place.
func (l *loop) changesInPlace() {
	l.changeFault = fault{}
	l.showFault()
	if l.attemptFault.kind == typeGuard {
		l.bringForward() // there are enough targets now
	}
}
