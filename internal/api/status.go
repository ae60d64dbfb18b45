package api

import (
	"net/http"
	"time"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// maxInvalid is how many invalid Secrets the status lists; the counts go on.
const maxInvalid = 100

// StatusSource tells how refreshes go. It is called concurrently and must not block.
type StatusSource interface {
	// GetStatus returns the present state. The slices in it are only read.
	GetStatus() targetsync.RefreshStatus
	// SinceHeartbeat returns how long ago the engine last showed that it runs.
	SinceHeartbeat() time.Duration
}

// statusDocument is the status in JSON. Zero times and empty texts are null: it never happened, or there is none.
type statusDocument struct {
	State       targetsync.State `json:"status"`
	LastRefresh timestamp        `json:"last_refresh"`

	RefreshDurationMS int64 `json:"refresh_duration_ms"`
	TargetsDiscovered int   `json:"targets_discovered"`
	TargetsValid      int   `json:"targets_valid"`
	TargetsInvalid    int   `json:"targets_invalid"`

	NextRefresh         timestamp               `json:"next_refresh"`
	Error               text                    `json:"error"`
	ConsecutiveFailures int                     `json:"consecutive_failures"`
	ErrorClass          text                    `json:"error_class"`
	Hint                text                    `json:"hint"`
	InProgressSince     timestamp               `json:"in_progress_since"`
	LastAttempt         timestamp               `json:"last_attempt"`
	LastTrigger         text                    `json:"last_trigger"`
	LastManual          *manualDocument         `json:"last_manual"` // nil: nobody has asked for a refresh yet
	Snapshot            snapshotDocument        `json:"snapshot"`
	Watch               watchDocument           `json:"watch"`
	Namespaces          []namespaceDocument     `json:"namespaces"`
	Invalid             []targetsfile.Rejection `json:"invalid"` // at most maxInvalid
	Instance            string                  `json:"instance"`
}

// manualDocument is the last refresh that somebody asked for.
type manualDocument struct {
	RequestID  string           `json:"request_id"`
	State      targetsync.State `json:"status"`
	StartedAt  timestamp        `json:"started_at"`
	FinishedAt timestamp        `json:"finished_at"`
	Error      text             `json:"error"`
}

// snapshotDocument is the published file. Before the first publication all but Path is null or 0.
type snapshotDocument struct {
	Path       string    `json:"path"`
	Epoch      text      `json:"epoch"`
	Generation uint64    `json:"generation"`
	Checksum   text      `json:"checksum"`
	Bytes      int64     `json:"bytes"`
	ChangedAt  timestamp `json:"changed_at"`
	StaleAfter timestamp `json:"stale_after"`
	Kept       int       `json:"kept"`
}

// watchDocument is how changes are followed between refreshes.
type watchDocument struct {
	Enabled   bool      `json:"enabled"`
	Connected bool      `json:"connected"`
	Since     timestamp `json:"since"`
	LastEvent timestamp `json:"last_event"`
	KeptBack  timestamp `json:"kept_back"` // when a watch turned out to have kept changes back
	Error     text      `json:"error"`
}

// namespaceDocument is one place that Secrets are looked for in.
type namespaceDocument struct {
	Name        string    `json:"name"`
	Secrets     int       `json:"secrets"`
	LastSuccess timestamp `json:"last_success"`
	Error       text      `json:"error"`
}

// status answers how refreshes went.
func (h *Handler) status(x *exchange) {
	x.answer(http.StatusOK, h.describe(h.config.Engine.GetStatus()))
}

// describe returns a state of the engine as JSON shows it.
func (h *Handler) describe(s targetsync.RefreshStatus) statusDocument {
	d := statusDocument{
		State: s.State, LastRefresh: timestamp{s.LastRefresh}, RefreshDurationMS: s.Duration.Milliseconds(),
		TargetsDiscovered: s.Discovered, TargetsValid: s.Valid, TargetsInvalid: s.Invalid,
		NextRefresh: timestamp{s.NextRefresh}, ConsecutiveFailures: s.ConsecutiveFailures,
		Error: text(s.Error), ErrorClass: text(s.ErrorClass), Hint: text(s.Hint),
		InProgressSince: timestamp{s.InProgressSince}, LastAttempt: timestamp{s.LastAttempt}, LastTrigger: text(s.LastTrigger),
		Snapshot: snapshotDocument{
			Path: h.config.SnapshotPath, Epoch: text(s.Snapshot.Epoch), Generation: s.Snapshot.Generation,
			Checksum: text(s.Snapshot.Checksum), Bytes: s.Snapshot.Bytes,
			ChangedAt: timestamp{s.Snapshot.ChangedAt}, StaleAfter: timestamp{s.Snapshot.StaleAfter}, Kept: s.Snapshot.Kept,
		},
		Watch: watchDocument{
			Enabled: s.Watch.Enabled, Connected: s.Watch.Connected,
			Since: timestamp{s.Watch.Since}, LastEvent: timestamp{s.Watch.LastEvent}, KeptBack: timestamp{s.Watch.KeptBack}, Error: text(s.Watch.Error),
		},
		Namespaces: make([]namespaceDocument, 0, len(s.Namespaces)),
		Invalid:    append([]targetsfile.Rejection{}, s.Rejections[:min(len(s.Rejections), maxInvalid)]...),
		Instance:   h.config.Instance,
	}
	if m := s.LastManual; m.RequestID != "" {
		d.LastManual = &manualDocument{
			RequestID: m.RequestID, State: m.State, StartedAt: timestamp{m.StartedAt}, FinishedAt: timestamp{m.FinishedAt}, Error: text(m.Error),
		}
	}
	for _, n := range s.Namespaces {
		d.Namespaces = append(d.Namespaces, namespaceDocument{
			Name: n.Name, Secrets: n.Secrets, LastSuccess: timestamp{n.LastSuccess}, Error: text(n.Error),
		})
	}
	return d
}
