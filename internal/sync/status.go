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
	LastRefresh time.Time // end of the last success; after a restart, of the one before it

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
	Stopping   bool // Stop was called: no refresh starts any more
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
	Error     string // why changes are not followed; empty while Connected, and before the first LIST
}

// NamespaceStatus describes the LISTs of one namespace.
type NamespaceStatus struct {
	Name        string // empty: all namespaces, or manifests
	Secrets     int
	LastSuccess time.Time
	Error       string // of the last LIST
}
