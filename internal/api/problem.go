package api

// errorCode names a kind of error for programs.
type errorCode string

const (
	codeInvalidQuery      errorCode = "invalid_query"
	codeInvalidBody       errorCode = "invalid_body"
	codeBodyTooLarge      errorCode = "body_too_large"
	codeRefreshInProgress errorCode = "refresh_in_progress"
	codeRateLimited       errorCode = "rate_limited"
	codeNotStarted        errorCode = "not_started"
	codeShuttingDown      errorCode = "shutting_down"
	codeTooManyWaiters    errorCode = "too_many_waiters"
	codeWaitTimeout       errorCode = "wait_timeout"
	codeClientGone        errorCode = "client_gone" // seen in the audit log only

	codeUnauthenticated errorCode = "unauthenticated"
	codeForbidden       errorCode = "forbidden"
	codeAuthUnavailable errorCode = "auth_unavailable"

	codeNotAlive         errorCode = "not_alive"
	codeNotReady         errorCode = "not_ready"
	codeNotFound         errorCode = "not_found"
	codeMethodNotAllowed errorCode = "method_not_allowed"
	codeInternal         errorCode = "internal"
)

// problem is the JSON form of every error.
type problem struct {
	Code              errorCode `json:"error"`
	Message           string    `json:"message"`
	StartedAt         Time      `json:"started_at,omitzero"`          // refresh_in_progress and wait_timeout only
	RetryAfterSeconds int64     `json:"retry_after_seconds,omitzero"` // rate_limited only
	RequestID         string    `json:"request_id"`
	Instance          string    `json:"instance"`
}
