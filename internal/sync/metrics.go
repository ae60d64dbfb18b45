package sync

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Names of metrics, shared with the tests.
const (
	metricRefreshTotal        = "publishing_refresh_total"
	metricRefreshDuration     = "publishing_refresh_duration_seconds"
	metricRefreshErrors       = "publishing_refresh_errors_total"
	metricLastSuccess         = "publishing_refresh_last_success_timestamp"
	metricInProgress          = "publishing_refresh_in_progress"
	metricConsecutiveFailures = "publishing_refresh_consecutive_failures"
	metricFailing             = "publishing_refresh_failing"
	metricTriggerTotal        = "publishing_refresh_trigger_total"
	metricInterval            = "publishing_refresh_interval_seconds"
	metricTargets             = "publishing_targets"
	metricTargetsInvalid      = "publishing_targets_invalid"
	metricTargetsStale        = "publishing_targets_stale"
	metricGeneration          = "publishing_snapshot_generation"
	metricBytes               = "publishing_snapshot_bytes"
	metricChanged             = "publishing_snapshot_changed_timestamp_seconds"
	metricStaleAfter          = "publishing_snapshot_stale_after_timestamp_seconds"
	metricPublications        = "publishing_snapshot_publications_total"
	metricTakeovers           = "publishing_target_takeovers_total"
	metricMissing             = "publishing_snapshot_missing_total"
	metricWatchConnected      = "publishing_watch_connected"
	metricWatchEvents         = "publishing_watch_events_total"
	metricWatchRestarts       = "publishing_watch_restarts_total"
)

// metrics are the series of refreshes and of the snapshot. Every label value exists from the start, so that rate() and absent()
// mean what they say.
type metrics struct {
	refreshes    *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	errors       *prometheus.CounterVec
	lastSuccess  prometheus.Gauge
	inProgress   prometheus.Gauge
	consecutive  prometheus.Gauge
	failing      *prometheus.GaugeVec
	triggers     *prometheus.CounterVec
	targets      *prometheus.GaugeVec
	invalid      *prometheus.GaugeVec
	stale        prometheus.Gauge
	generation   prometheus.Gauge
	bytes        prometheus.Gauge
	changed      prometheus.Gauge
	staleAfter   prometheus.Gauge
	publications *prometheus.CounterVec
	missing      *prometheus.CounterVec
	takeovers    prometheus.Counter

	mirrored *inPlace // whose metrics are set; nil: none

	// Registered only where changes are followed.
	watchConnected prometheus.Gauge
	watchEvents    *prometheus.CounterVec
	watchRestarts  *prometheus.CounterVec
}

func newMetrics(cfg *Config) *metrics {
	r := registrar{cfg.registerer()}
	m := &metrics{
		refreshes:    r.counters(metricRefreshTotal, "Finished attempts to refresh the targets.", "status"),
		duration:     r.histograms(metricRefreshDuration, "Duration of attempts to refresh the targets.", "status"),
		errors:       r.counters(metricRefreshErrors, "Failed attempts by cause, and Secrets that became invalid (parse, validate).", "error_type"),
		lastSuccess:  r.gauge(metricLastSuccess, "Unix time of the end of the last successful refresh."),
		inProgress:   r.gauge(metricInProgress, "1 while a refresh runs."),
		consecutive:  r.gauge(metricConsecutiveFailures, "Failed attempts since the last success."),
		failing:      r.gauges(metricFailing, "1 while refreshes fail, by whether retrying can help.", "class"),
		triggers:     r.counters(metricTriggerTotal, "Started attempts by trigger.", "trigger"),
		targets:      r.gauges(metricTargets, "Published targets.", "type", "enabled"),
		invalid:      r.gauges(metricTargetsInvalid, "Secrets whose present content is not published.", "reason"),
		stale:        r.gauge(metricTargetsStale, "Published targets whose Secret no longer yields them."),
		generation:   r.gauge(metricGeneration, "Generation of the snapshot in place."),
		bytes:        r.gauge(metricBytes, "Size of the snapshot in place."),
		changed:      r.gauge(metricChanged, "Unix time at which the targets last changed."),
		staleAfter:   r.gauge(metricStaleAfter, "Unix time from which the snapshot counts as stale."),
		publications: r.counters(metricPublications, "Writes of the snapshot.", "result"),
		missing:      r.counters(metricMissing, "Times that the snapshot published last was not in place: it was gone, or another file was there.", "because"),
	}
	m.takeovers = r.counter(metricTakeovers, "Times that a target's name went from one Secret to another.")
	r.gauge(metricInterval, "Configured time between periodic refreshes.").Set(cfg.Interval.Seconds())
	m.touch()
	if cfg.watcher() == nil {
		r = registrar{prometheus.NewRegistry()}
	}
	m.addWatch(r)
	return m
}

func (m *metrics) addWatch(r registrar) {
	m.watchConnected = r.gauge(metricWatchConnected, "1 while the changes of every namespace are followed.")
	m.watchEvents = r.counters(metricWatchEvents, "What watches received.", "type")
	m.watchRestarts = r.counters(metricWatchRestarts, "Watches that ended and had to be opened again, by how they ended.", "reason")
	for _, kind := range []source.Kind{source.Upsert, source.Delete, source.Bookmark, source.Relist} {
		m.watchEvents.WithLabelValues(kind.String())
	}
	for _, end := range source.WatchEnds() {
		m.watchRestarts.WithLabelValues(string(end))
	}
}

// touch makes every label value exist.
func (m *metrics) touch() {
	for _, status := range []State{StateSuccess, StateFailed} {
		m.refreshes.WithLabelValues(string(status))
		m.duration.WithLabelValues(string(status))
	}
	for _, kind := range []source.ErrorType{source.APIError, source.TimeoutError, source.ParseError,
		targetsfile.RejectValidate, typeWrite, typeGuard, typeInternal} {
		m.errors.WithLabelValues(string(kind))
	}
	for _, class := range []Class{ClassTransient, ClassPermanent} {
		m.failing.WithLabelValues(string(class))
	}
	for _, t := range []Trigger{TriggerStartup, TriggerPeriodic, TriggerRetry, TriggerManual, TriggerWatch} {
		m.triggers.WithLabelValues(string(t))
	}
	for _, result := range []string{"written", "failed"} {
		m.publications.WithLabelValues(result)
	}
	for _, foreign := range []bool{false, true} {
		m.missing.WithLabelValues(missingBecause(foreign))
	}
	m.setTargets(nil)
	m.setInvalid(nil)
}

// missingBecause names why the snapshot published last is not in place.
func missingBecause(foreign bool) string {
	if foreign {
		return "foreign"
	}
	return "gone"
}

// mirror sets the metrics that say what the status says. Those of the document in place, which cost its length, are set when it changes.
func (m *metrics) mirror(s *RefreshStatus, place *inPlace, failing Class) {
	m.inProgress.Set(oneIf(s.State == StateInProgress))
	m.consecutive.Set(float64(s.ConsecutiveFailures))
	m.lastSuccess.Set(unixSeconds(s.LastRefresh))
	m.watchConnected.Set(oneIf(s.Watch.Connected))
	for _, class := range []Class{ClassTransient, ClassPermanent} {
		m.failing.WithLabelValues(string(class)).Set(oneIf(class == failing))
	}
	if place == nil || place == m.mirrored {
		return
	}
	m.mirrored = place
	m.setTargets(place.Document.Entries)
	m.setInvalid(place.rejections)
	m.stale.Set(float64(place.kept))
	m.generation.Set(float64(place.Document.Generation))
	m.bytes.Set(float64(place.bytes))
	m.changed.Set(unixSeconds(place.Document.ChangedAt))
	m.staleAfter.Set(unixSeconds(place.Document.StaleAfter))
}

// finished counts an attempt that has ended.
func (m *metrics) finished(a *attempt) {
	status := string(a.state())
	m.refreshes.WithLabelValues(status).Inc()
	m.duration.WithLabelValues(status).Observe(a.took.Seconds())
	if a.failure != nil {
		m.errors.WithLabelValues(string(a.failure.kind)).Inc()
	}
}

// countRejection counts a Secret that became rejected; a duplicate counts as one that breaks a rule.
func (m *metrics) countRejection(reason string) {
	kind := source.ParseError
	if reason != targetsfile.RejectParse {
		kind = targetsfile.RejectValidate
	}
	m.errors.WithLabelValues(string(kind)).Inc()
}

func (m *metrics) setTargets(entries []*targetsfile.Entry) {
	type count struct{ enabled, disabled int }
	counts := map[string]*count{}
	for _, kind := range secret.Types() {
		counts[kind] = &count{}
	}
	for _, e := range entries {
		of := counts[e.Type]
		if of == nil {
			of = &count{}
			counts[e.Type] = of
		}
		if e.Enabled {
			of.enabled++
		} else {
			of.disabled++
		}
	}
	for kind, of := range counts {
		m.targets.WithLabelValues(kind, "true").Set(float64(of.enabled))
		m.targets.WithLabelValues(kind, "false").Set(float64(of.disabled))
	}
}

func (m *metrics) setInvalid(rejections []rejection) {
	count := map[string]int{targetsfile.RejectParse: 0, targetsfile.RejectValidate: 0, targetsfile.RejectDuplicate: 0}
	for i := range rejections {
		count[rejections[i].Reason]++
	}
	for reason, n := range count {
		m.invalid.WithLabelValues(reason).Set(float64(n))
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// registrar makes metrics and registers them. Registering fails only for a name used twice, which is a mistake in the program.
type registrar struct{ prometheus.Registerer }

func (r registrar) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.MustRegister(v)
	return v
}

func (r registrar) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	r.MustRegister(c)
	return c
}

func (r registrar) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.MustRegister(v)
	return v
}

func (r registrar) gauge(name, help string) prometheus.Gauge {
	v := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	r.MustRegister(v)
	return v
}

func (r registrar) histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help,
		Buckets:                         []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, labels)
	r.MustRegister(v)
	return v
}
