package api

import "net/http"

// maxInvalid is how many invalid Secrets the status lists; the counts go on.
const maxInvalid = 100

// State is how refreshing stands.
type State string

// States of refreshing, and of one refresh.
const (
	StateIdle       State = "idle"        // no attempt of this process yet
	StateInProgress State = "in_progress" // one is running
	StateSuccess    State = "success"     // the last one succeeded
	StateFailed     State = "failed"      // the last one failed
)

// Text is a string in JSON, or null if it is empty.
type Text string

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return encode(string(t))
}

// Status is the status document. Zero times and empty Texts are null: it never happened, or there is none.
type Status struct {
	State       State `json:"status"`
	LastRefresh Time  `json:"last_refresh"` // end of the last success, an earlier process's included

	// Of the last attempt or publication that ended; they stay while another runs.
	RefreshDurationMS int64 `json:"refresh_duration_ms"`
	TargetsDiscovered int   `json:"targets_discovered"` // labelled Secrets
	TargetsValid      int   `json:"targets_valid"`      // those that yield a target, by what was seen last
	TargetsInvalid    int   `json:"targets_invalid"`    // the rest

	NextRefresh         Time            `json:"next_refresh"`         // when the armed timer fires; null while a refresh runs
	Error               Text            `json:"error"`                // of the last attempt or publication
	ConsecutiveFailures int             `json:"consecutive_failures"` // attempts since the last success
	ErrorClass          Text            `json:"error_class"`          // transient or permanent
	Hint                Text            `json:"hint"`                 // what a person can do about Error
	InProgressSince     Time            `json:"in_progress_since"`
	LastAttempt         Time            `json:"last_attempt"`
	LastTrigger         Text            `json:"last_trigger"` // startup, periodic, retry, manual or watch
	LastManual          *LastManual     `json:"last_manual"`  // nil: no manual refresh yet
	Snapshot            SnapshotInfo    `json:"snapshot"`
	Watch               Watch           `json:"watch"`
	Namespaces          []Namespace     `json:"namespaces"` // nil is as good as empty
	Invalid             []InvalidSecret `json:"invalid"`    // only the first 100 are shown; nil is as good as empty
}

// LastManual is the last refresh that somebody asked for.
type LastManual struct {
	RequestID  string `json:"request_id"`
	State      State  `json:"status"`
	StartedAt  Time   `json:"started_at"`
	FinishedAt Time   `json:"finished_at"` // null while it runs
	Error      Text   `json:"error"`
}

// SnapshotInfo is the published file. Before the first publication all but Path is null or 0.
type SnapshotInfo struct {
	Path       string `json:"path"`
	Epoch      Text   `json:"epoch"`
	Generation uint64 `json:"generation"`
	Checksum   Text   `json:"checksum"`
	Bytes      int64  `json:"bytes"`
	ChangedAt  Time   `json:"changed_at"`
	StaleAfter Time   `json:"stale_after"`
	Kept       int    `json:"kept"` // last good targets in it
}

// Watch is how changes are followed between refreshes. Its zero value says that they are not.
type Watch struct {
	Enabled   bool `json:"enabled"`
	Connected bool `json:"connected"` // in every namespace
	Since     Time `json:"since"`     // when Connected last changed
	LastEvent Time `json:"last_event"`
	Error     Text `json:"error"` // why they are not followed
}

// Namespace is one place that Secrets are looked for in.
type Namespace struct {
	Name        string `json:"name"` // empty: all namespaces
	Secrets     int    `json:"secrets"`
	LastSuccess Time   `json:"last_success"`
	Error       Text   `json:"error"`
}

// InvalidSecret is a labelled Secret whose present content is not published. It holds public parts only.
type InvalidSecret struct {
	Secret  string `json:"secret"`  // namespace/name
	Reason  string `json:"reason"`  // parse, validate or duplicate
	Message string `json:"message"` // the broken rule
	Serving string `json:"serving"` // last_good or nothing
}

// statusDocument is Status as it is sent.
type statusDocument struct {
	Status
	Instance string `json:"instance"`
}

func (h *Handler) status(x *exchange) {
	x.answer(http.StatusOK, newStatusDocument(h.config.StatusSource.Status(), x.instance))
}

func newStatusDocument(s Status, instance string) statusDocument {
	s.Namespaces = neverNull(s.Namespaces)
	s.Invalid = neverNull(s.Invalid[:min(len(s.Invalid), maxInvalid)])
	return statusDocument{Status: s, Instance: instance}
}

// neverNull makes a nil list, which JSON would call null, an empty one.
func neverNull[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
