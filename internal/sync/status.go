package sync

import (
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// State is the state of refreshing.
type State string

// States.
const (
	StateIdle       State = "idle"        // no attempt of this process yet
	StateInProgress State = "in_progress" // an attempt runs
	StateSuccess    State = "success"     // the last attempt succeeded
	StateFailed     State = "failed"      // the last attempt failed
)

// Trigger says why a refresh started.
type Trigger string

// Triggers.
const (
	TriggerStartup  Trigger = "startup"
	TriggerPeriodic Trigger = "periodic"
	TriggerRetry    Trigger = "retry"
	TriggerManual   Trigger = "manual"
	TriggerWatch    Trigger = "watch" // the source said that something changed
)

// maxRejectionsShown is how many rejections a status lists; its counts go on.
const maxRejectionsShown = 100

// RefreshStatus is the state of refreshing at one moment. It is a value; its slices are shared and must not be changed. Zero times
// mean never.
type RefreshStatus struct {
	State       State
	LastRefresh time.Time // end of the last success, which may be an earlier process's

	// Of the last finished attempt, or the last publication after it; they stay while another runs.
	Duration   time.Duration
	Discovered int
	Valid      int
	Invalid    int
	Error      string // empty after a success
	ErrorClass Class
	Hint       string

	NextRefresh         time.Time // of the armed timer; zero while an attempt runs
	ConsecutiveFailures int
	InProgressSince     time.Time
	LastAttempt         time.Time // its start
	LastTrigger         Trigger
	LastManual          ManualRefresh

	Ready      bool // a valid snapshot of this source is in place, and Stop was not called
	Stopping   bool // Stop was called, or Config.Attempts are used up: no refresh starts any more
	Snapshot   SnapshotStatus
	Watch      WatchStatus
	Namespaces []NamespaceStatus
	Rejections []targetsfile.Rejection // at most 100
}

// ManualRefresh is the last refresh that somebody asked for. Its RequestID is empty if there was none.
type ManualRefresh struct {
	RequestID  string
	State      State
	StartedAt  time.Time
	FinishedAt time.Time
	Error      string
}

// SnapshotStatus describes the snapshot in place.
type SnapshotStatus struct {
	Epoch      string
	Generation uint64
	Checksum   string
	Bytes      int64
	ChangedAt  time.Time
	StaleAfter time.Time
	Kept       int // last good targets among its targets
}

// WatchStatus describes how changes are followed between refreshes.
type WatchStatus struct {
	Enabled   bool      // changes are to be followed
	Connected bool      // in every namespace
	Since     time.Time // when Connected last changed
	LastEvent time.Time
	KeptBack  time.Time // when a watch turned out to have kept changes back
	Error     string    // why changes are not followed; empty while Connected, and before the first LIST
}

// NamespaceStatus describes the LISTs of one namespace.
type NamespaceStatus struct {
	Name        string // empty: all namespaces, or manifests
	Secrets     int
	LastSuccess time.Time
	Error       string // of the last LIST
}

// show derives what the outside sees, and makes it visible: the status, the document in place and the metrics that mirror them.
func (l *loop) show() {
	status := l.deriveStatus()
	l.manager.status.Store(&status)
	place := l.publications.inPlace
	if place != nil && l.manager.published.Load() != &place.Published {
		l.manager.published.Store(&place.Published)
	}
	var failing Class
	if l.attempts.failedInARow > 0 {
		failing = l.attempts.last.failure.class
	}
	l.metrics.mirror(&status, place, failing)
}

// deriveStatus is the one place that says what the state of the parts looks like from outside.
func (l *loop) deriveStatus() RefreshStatus {
	s := RefreshStatus{
		State:               l.attempts.state(),
		LastManual:          l.attempts.lastManual(),
		ConsecutiveFailures: l.attempts.failedInARow,
		NextRefresh:         l.schedule.at,
		Stopping:            l.stopping,
		Watch:               l.following.status(),
		Namespaces:          l.catalogue.status(),
	}
	if running := l.attempts.running; running != nil {
		s.InProgressSince, s.LastAttempt, s.LastTrigger = running.run.StartedAt, running.run.StartedAt, running.trigger
	} else if last := l.attempts.last; last != nil {
		s.LastAttempt, s.LastTrigger = last.run.StartedAt, last.trigger
	}
	if place := l.publications.inPlace; place != nil {
		s.Ready = !l.stopping && !l.publications.missing
		s.LastRefresh, s.Snapshot = place.lastRefresh, place.status()
		s.Discovered, s.Valid = place.Document.Discovered, place.Document.Valid
		s.Rejections = place.Document.Rejections[:min(len(place.Document.Rejections), maxRejectionsShown)]
	}
	if w := l.publications.withheld; w != nil {
		s.Discovered, s.Valid = w.counts.discovered, w.counts.valid
	}
	s.Invalid = s.Discovered - s.Valid
	var failed *failure
	if last := l.attempts.last; last != nil {
		s.Duration, failed = last.took, last.failure
		if l.publications.lastOfChanges.ended.After(last.ended) {
			s.Duration = l.publications.lastOfChanges.took
		}
	}
	if refused := l.publications.refusal(l.attempts.last); refused != nil {
		failed = refused
	}
	if failed != nil {
		s.Error, s.ErrorClass, s.Hint = failed.err.Error(), failed.class, failed.hint
	}
	return s
}

func (a *attempts) state() State {
	switch {
	case a.running != nil:
		return StateInProgress
	case a.last != nil:
		return a.last.state()
	}
	return StateIdle
}

func (a *attempts) lastManual() ManualRefresh {
	if a.manual == nil {
		return ManualRefresh{}
	}
	m := ManualRefresh{
		RequestID: a.manual.run.RequestID, State: a.manual.state(), StartedAt: a.manual.run.StartedAt, FinishedAt: a.manual.ended,
	}
	if a.manual.failure != nil {
		m.Error = a.manual.failure.err.Error()
	}
	return m
}

func (p *inPlace) status() SnapshotStatus {
	return SnapshotStatus{
		Epoch: p.Document.Epoch, Generation: p.Document.Generation, Checksum: p.Document.Checksum, Bytes: p.bytes,
		ChangedAt: p.Document.ChangedAt, StaleAfter: p.Document.StaleAfter, Kept: p.kept,
	}
}
