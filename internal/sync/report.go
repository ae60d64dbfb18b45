package sync

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	// alarmAfter is how many attempts in a row must fail for the one ERROR line of an outage.
	alarmAfter = 3
	// maxLinesPerPass bounds the lines about single Secrets; counts and the snapshot have them all.
	maxLinesPerPass = 50
)

// logOutcome writes the one line of a refresh.
func (l *loop) logOutcome(a *attempt, f *failure) {
	if f == nil {
		l.outcome(a.log.Info(), a).
			Int("target_count", len(l.last.Entries)).
			Int("invalid_count", l.status.Invalid).
			Uint64("generation", l.last.Generation).
			Msg("refresh finished")
		return
	}
	level := a.log.Warn
	if l.status.ErrorClass == ClassPermanent {
		level = a.log.Error
	}
	e := l.outcome(level(), a).Err(f.err).
		Str("error_type", string(f.kind)).
		Str("error_class", string(l.status.ErrorClass)).
		Str("hint", f.hint)
	switch {
	case l.last == nil:
		e.Msg("refresh failed, nothing is published yet")
	case a.written:
		e.Int("target_count", len(l.last.Entries)).Int("invalid_count", l.status.Invalid).Uint64("generation", l.last.Generation).
			Msg("refresh failed in part, the rest is published")
	default:
		e.Msg("refresh failed, keeping the last snapshot")
	}
	if l.status.ConsecutiveFailures == alarmAfter {
		e := a.log.Error().Int("consecutive_failures", alarmAfter).Str("hint", f.hint)
		if l.last != nil {
			e = e.Time("stale_after", l.last.StaleAfter)
		}
		e.Msg("targets are not being refreshed: changes of Secrets do not reach the app until this is fixed")
	}
}

func (l *loop) outcome(e *zerolog.Event, a *attempt) *zerolog.Event {
	e = e.Str("trigger", string(a.trigger)).
		Int("attempt", a.number).
		Float64("duration_ms", float64(a.took.Microseconds())/1000)
	if !l.status.NextRefresh.IsZero() {
		e = e.Str("next_refresh", l.status.NextRefresh.UTC().Format(time.RFC3339))
	}
	return e
}

// noteRejections logs and counts Secrets that became rejected, or changed while they were: counting them on every pass would keep an
// alert on the rate firing for ever.
func (l *loop) noteRejections(log zerolog.Logger, rejections []rejection) {
	now := make(map[string]string, len(rejections))
	lines := 0
	for i := range rejections {
		r := &rejections[i]
		if r.carried {
			continue // an earlier process told of it, and this one has not seen it
		}
		mark := r.version + " " + r.Reason
		if r.version == "" { // a manifest
			mark += " " + r.Message
		}
		now[r.Secret] = mark
		if l.rejected[r.Secret] == mark {
			continue
		}
		kind := source.ParseError
		if r.Reason != targetsfile.RejectParse {
			kind = targetsfile.RejectValidate
		}
		l.metrics.errors.WithLabelValues(string(kind)).Inc()
		if lines++; lines <= maxLinesPerPass {
			log.Warn().Str("secret", r.Secret).Str("reason", r.Reason).Str("error", r.Message).Str("serving", r.Serving).
				Msg("secret rejected")
		}
	}
	logRest(log, lines)
	l.rejected = now
}

// logChanges names the targets that came and went. A target can go without any failure: its Secret was deleted, lost its label, or names
// another target. Whoever looks for it finds the moment here.
func logChanges(log zerolog.Logger, last, next *targetsfile.Document) {
	if last == nil {
		return // all are new
	}
	lines := 0
	line := func(message string, e *targetsfile.Entry) {
		if lines++; lines <= maxLinesPerPass {
			log.Info().Str("target", e.Name).Str("type", e.Type).Str("secret", e.Secret).Msg(message)
		}
	}
	i, j := 0, 0
	for i < len(last.Entries) || j < len(next.Entries) {
		switch {
		case j == len(next.Entries) || i < len(last.Entries) && last.Entries[i].Name < next.Entries[j].Name:
			line("target removed", last.Entries[i])
			i++
		case i == len(last.Entries) || last.Entries[i].Name > next.Entries[j].Name:
			line("target added", next.Entries[j])
			j++
		default:
			i, j = i+1, j+1
		}
	}
	if lines > maxLinesPerPass {
		log.Info().Int("targets", lines-maxLinesPerPass).Msg("further targets came or went")
	}
}

// logWarnings logs what could be written better in Secrets that are new or changed.
func logWarnings(log zerolog.Logger, news []*source.Secret) {
	lines := 0
	for _, s := range news {
		for _, warning := range s.Warnings {
			if lines++; lines <= maxLinesPerPass {
				log.Warn().Str("secret", s.Key).Str("warning", warning).Msg("secret accepted with a warning")
			}
		}
	}
	logRest(log, lines)
}

func logRest(log zerolog.Logger, lines int) {
	if lines > maxLinesPerPass {
		log.Warn().Int("secrets", lines-maxLinesPerPass).Msg("further secrets have such faults: see the status or the snapshot")
	}
}
