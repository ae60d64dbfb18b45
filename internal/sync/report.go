package sync

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

// reports are the log lines and counters about single Secrets. Each is told once: telling it on every pass would fill the log, and keep
// an alert on the rate firing for ever.
type reports struct {
	metrics  *metrics
	rejected map[string]string         // by Secret: the content and reason that were told
	warnings map[string]*source.Secret // by Secret: the content whose warnings are still to be told
}

// expect takes in Secrets that are new or changed. What could be written better in them is told after the next merge, which says whether
// they are accepted.
func (r *reports) expect(news ...*source.Secret) {
	for _, s := range news {
		if len(s.Warnings) > 0 && s.Entry != nil {
			r.warnings[s.Key] = s
		} else {
			delete(r.warnings, s.Key)
		}
	}
}

// merged tells what a merge has shown: the Secrets that became rejected, or changed while they were, and the warnings of those that were
// accepted.
func (r *reports) merged(log zerolog.Logger, rejections []rejection, known *catalogue) {
	r.tellRejections(log, rejections)
	lines := 0
	for _, key := range slices.Sorted(maps.Keys(r.warnings)) {
		s := r.warnings[key]
		switch _, rejected := r.rejected[key]; {
		case !known.has(s):
			delete(r.warnings, key) // it is gone, or has other content
		case !rejected:
			delete(r.warnings, key)
			for _, warning := range s.Warnings {
				if lines++; lines <= maxLinesPerPass {
					log.Warn().Str("secret", key).Str("warning", warning.String()).Str("hint", warning.Hint).Msg("secret accepted with a warning")
				}
			}
		}
	}
	logRest(log, lines)
}

func (r *reports) tellRejections(log zerolog.Logger, rejections []rejection) {
	now := make(map[string]string, len(rejections))
	lines := 0
	for i := range rejections {
		one := &rejections[i]
		if one.carried {
			continue // an earlier process told of it, and this one has not seen it
		}
		mark := one.version + " " + one.Reason
		if one.version == "" { // a manifest
			mark += " " + one.Message
		}
		now[one.Secret] = mark
		if r.rejected[one.Secret] == mark {
			continue
		}
		r.metrics.countRejection(one.Reason)
		if lines++; lines <= maxLinesPerPass {
			log.Warn().Str("secret", one.Secret).Str("reason", one.Reason).Str("error", one.Message).Str("serving", one.Serving).
				Msg("secret rejected")
		}
	}
	logRest(log, lines)
	r.rejected = now
}

// logOutcome writes the one line of a refresh, and one more when an outage has lasted for a while.
func (l *loop) logOutcome(a *attempt) {
	f := a.failure
	if f == nil {
		l.describePublished(l.describe(a.log.Info(), a)).Msg("refresh finished")
		return
	}
	level := a.log.Warn
	if f.class == ClassPermanent {
		level = a.log.Error
	}
	e := l.describe(level(), a).Err(f.err).
		Str("error_type", string(f.kind)).
		Str("error_class", string(f.class)).
		Str("hint", f.hint)
	switch {
	case l.last() == nil:
		e.Msg("refresh failed, nothing is published yet")
	case a.published:
		l.describePublished(e).Msg("refresh failed in part, the rest is published")
	default:
		e.Msg("refresh failed, keeping the last snapshot")
	}
	if l.attempts.failedInARow == alarmAfter {
		e := a.log.Error().Int("consecutive_failures", alarmAfter).Str("hint", f.hint)
		if last := l.last(); last != nil {
			e = e.Time("stale_after", last.StaleAfter)
		}
		e.Msg("targets are not being refreshed: changes of Secrets do not reach the app until this is fixed")
	}
}

func (l *loop) describe(e *zerolog.Event, a *attempt) *zerolog.Event {
	e = e.Str("trigger", string(a.trigger)).
		Int("attempt", a.number).
		Float64("duration_ms", milliseconds(a.took))
	if !l.schedule.at.IsZero() {
		e = e.Str("next_refresh", l.schedule.at.UTC().Format(time.RFC3339))
	}
	return e
}

func (l *loop) describePublished(e *zerolog.Event) *zerolog.Event {
	d := l.last()
	return e.Int("target_count", len(d.Entries)).Int("invalid_count", d.Invalid).Uint64("generation", d.Generation)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// compare names the targets that came and went with a document, and remembers who held the names that became free. A target can go without
// any failure: its Secret was deleted, lost its label, or names another target. Whoever looks for it finds the moment here.
func (l *loop) compare(log zerolog.Logger, next *targetsfile.Document) {
	last := l.last()
	if last == nil {
		return // all are new
	}
	c := comparison{log: log, vacated: l.catalogue.vacated, takeovers: l.metrics.takeovers}
	c.forget()
	i, j := 0, 0
	for i < len(last.Entries) || j < len(next.Entries) {
		switch {
		case i < len(last.Entries) && j < len(next.Entries) && last.Entries[i] == next.Entries[j]: // nearly always
			i, j = i+1, j+1
		case j == len(next.Entries) || i < len(last.Entries) && last.Entries[i].Name < next.Entries[j].Name:
			c.removed(last.Entries[i])
			i++
		case i == len(last.Entries) || last.Entries[i].Name > next.Entries[j].Name:
			c.added(next.Entries[j])
			j++
		default:
			c.stayed(last.Entries[i].Secret, next.Entries[j])
			i, j = i+1, j+1
		}
	}
	if c.lines > maxLinesPerPass {
		log.Info().Int("targets", c.lines-maxLinesPerPass).Msg("further targets came or went")
	}
}

// comparison goes through two documents side by side.
type comparison struct {
	log       zerolog.Logger
	vacated   map[string]vacancy
	takeovers prometheus.Counter
	lines     int
}

// forget drops names that were reserved long enough. A minute more is for whoever takes one over then, to be told.
func (c *comparison) forget() {
	maps.DeleteFunc(c.vacated, func(_ string, v vacancy) bool { return time.Since(v.since) > 2*reservedFor })
}

func (c *comparison) line(message string, e *targetsfile.Entry) {
	if c.lines++; c.lines <= maxLinesPerPass {
		c.log.Info().Str("target", e.Name).Str("type", e.Type).Str("secret", e.Secret).Msg(message)
	}
}

func (c *comparison) removed(e *targetsfile.Entry) {
	c.line("target removed", e)
	// A manifest has no UID, and its name is reserved to nobody: whoever writes to one namespace of a tree writes to all.
	if e.SecretUID != "" {
		c.vacated[e.Name] = vacancy{secret: e.Secret, since: time.Now()}
	}
}

func (c *comparison) added(e *targetsfile.Entry) {
	c.line("target added", e)
	if former, ok := c.vacated[e.Name]; ok {
		delete(c.vacated, e.Name)
		c.stayed(former.secret, e)
	}
}

// stayed tells where a name went from one Secret to another.
func (c *comparison) stayed(former string, e *targetsfile.Entry) {
	if former == e.Secret {
		return
	}
	c.takeovers.Inc()
	if c.lines++; c.lines <= maxLinesPerPass {
		c.log.Warn().Str("target", e.Name).Str("secret", e.Secret).Str("former_secret", former).Msg("another secret has taken the target's name over")
	}
}

// warnOfNone tells that the first document of this source is empty. It is what a new installation begins with, and what a mistyped label looks
// like.
func (l *loop) warnOfNone(log zerolog.Logger) {
	hint := "if there should be one, check --label-selector and --namespace, or the path of --manifests"
	if l.cfg.watcher() != nil {
		hint = "the first one is live at once; " + hint
	}
	log.Warn().Str("source", source.Describe(l.cfg.Origin)).Str("hint", hint).
		Msg("no Secret carries the label, the snapshot is empty")
}

func logRest(log zerolog.Logger, lines int) {
	if lines > maxLinesPerPass {
		log.Warn().Int("secrets", lines-maxLinesPerPass).Msg("further secrets have such faults: see the status or the snapshot")
	}
}
