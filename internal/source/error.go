package source

import "time"

// ErrorType is the coarse class of a failure, as metrics count it.
type ErrorType string

// Types of errors.
const (
	APIError     ErrorType = "k8s_api" // the API server refused the request, or could not be reached
	TimeoutError ErrorType = "timeout" // no answer in time
	ParseError   ErrorType = "parse"   // manifests that cannot be read
)

// Error is a failed List or Watch, classified by what a caller has to decide: whether and when to try again.
type Error struct {
	Type       ErrorType
	Permanent  bool          // trying again without a change by a person is pointless
	Denied     bool          // 401 or 403: permanent, but a rotated token or a new role takes a minute to be seen
	RetryAfter time.Duration // the wait that the server asks for; 0: it asks for none
	Hint       string        // what a person can do; may be empty
	End        WatchEnd      // how a Watch ended; empty for a List
	Err        error
}

// Error describes the failure, without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// WatchEnd says how a watch ended, as metrics count it.
type WatchEnd string

// Ends of watches.
const (
	WatchTimeout   WatchEnd = "timeout"   // the server ended the watch when it was asked to: the normal end
	WatchClosed    WatchEnd = "closed"    // the server ended the watch earlier
	WatchBroken    WatchEnd = "broken"    // the connection broke, or could not be made
	WatchQuiet     WatchEnd = "quiet"     // nothing was received for so long that the watch was closed, to be opened again
	WatchSilent    WatchEnd = "silent"    // a quiet watch had kept changes back, as opening it again has shown
	WatchRefused   WatchEnd = "refused"   // the server did not open the watch, for now
	WatchForbidden WatchEnd = "forbidden" // the server does not open the watch until somebody changes something
	WatchExpired   WatchEnd = "expired"   // the server no longer has the changes since the version asked for
	WatchInvalid   WatchEnd = "error"     // the server reported an error, or sent what cannot be decoded
)

// WatchEnds returns all ends of watches.
func WatchEnds() []WatchEnd {
	return []WatchEnd{WatchTimeout, WatchClosed, WatchBroken, WatchQuiet, WatchSilent, WatchRefused, WatchForbidden, WatchExpired, WatchInvalid}
}
