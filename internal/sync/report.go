package sync

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/discovery"
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
	l.outcome(level(), a).Err(f.err).
		Str("error_type", string(f.kind)).
		Str("error_class", string(l.status.ErrorClass)).
		Str("hint", f.hint).
		Msg("refresh failed, keeping the last snapshot")
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
		mark := r.version + " " + r.Reason + " " + r.Message
		now[r.Secret] = mark
		if l.rejected[r.Secret] == mark {
			continue
		}
		kind := discovery.ParseError
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

// logWarnings logs what could be written better in Secrets that are new or changed.
func logWarnings(log zerolog.Logger, news []*discovery.Secret) {
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
