package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

const (
	// maxBody is the size limit of a request's body in bytes. A body asks for nothing, or is refused.
	maxBody = 1 << 10
	// maxWait is how long a caller may wait for a refresh to end.
	maxWait = 60 * time.Second
	// maxWaiters is how many callers may wait at once: each holds a connection and a goroutine.
	maxWaiters = 32
	// answerGrace is what a caller who waited gets to receive the answer.
	answerGrace = 10 * time.Second
)

// errWaited ends a wait that took as long as the caller wanted.
var errWaited = errors.New("the wait is over")

// Refresher starts refreshes. It is called concurrently.
type Refresher interface {
	// Refresh starts a refresh and returns without waiting for its end. The ID is to appear in all log lines of that refresh. It
	// refuses with a [*targetsync.InProgressError] while one runs, with a [*targetsync.RateLimitError], [targetsync.ErrNotStarted] or
	// [targetsync.ErrStopped]; each may be wrapped. Any other error is answered with 500 and logged, so its text must hold nothing secret.
	Refresh(requestID string) (*targetsync.Run, error)
	// RefreshAfter returns a refresh that begins reading after the call: one that it starts, or, while one runs, the one that follows,
	// whose StartedAt may be zero. started is false if somebody else had asked for the one that follows. It refuses as Refresh does, but
	// never because one runs.
	RefreshAfter(requestID string) (run *targetsync.Run, started bool, err error)
}

// accepted is the answer to a refresh request that started a refresh.
type accepted struct {
	Message   string    `json:"message"`
	RequestID string    `json:"request_id"`
	StartedAt timestamp `json:"refresh_started_at"`
	Instance  string    `json:"instance"`
}

// refresh starts a refresh and, with ?wait, answers when it has ended. It refuses what it does not understand: a caller who asks for more
// than there is must not take a 202 for a promise.
func (h *Handler) refresh(x *exchange) {
	wait, err := parseWait(x.request.URL.RawQuery)
	if err != nil {
		x.refuse(http.StatusBadRequest, problem{Code: codeInvalidQuery, Message: err.Error()})
		return
	}
	if !x.hasEmptyBody() {
		return
	}
	if wait > 0 {
		h.refreshAndWait(x, wait)
		return
	}
	run, err := h.config.Engine.Refresh(x.requestID)
	if err != nil {
		h.refuseRefresh(x, err)
		return
	}
	x.started = true
	x.answer(http.StatusAccepted, accepted{
		Message: "Refresh triggered", RequestID: x.requestID, StartedAt: timestamp{run.StartedAt}, Instance: x.instance,
	})
}

// refuseRefresh answers what the engine refused.
func (h *Handler) refuseRefresh(x *exchange, err error) {
	if running, ok := errors.AsType[*targetsync.InProgressError](err); ok {
		x.Header().Set("Retry-After", "1")
		x.refuse(http.StatusServiceUnavailable, problem{
			Code: codeRefreshInProgress, Message: "Target refresh already running", StartedAt: timestamp{running.Run.StartedAt},
		})
		return
	}
	if limited, ok := errors.AsType[*targetsync.RateLimitError](err); ok {
		seconds := wholeSeconds(limited.RetryAfter)
		x.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		x.refuse(http.StatusTooManyRequests, problem{
			Code: codeRateLimited, Message: fmt.Sprintf("Too many manual refreshes: the next is allowed in %d s", seconds),
			RetryAfterSeconds: seconds,
		})
		return
	}
	switch {
	case errors.Is(err, targetsync.ErrNotStarted):
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeNotStarted, Message: "Target refresh has not started yet"})
	case errors.Is(err, targetsync.ErrStopped):
		x.refuseShuttingDown()
	default:
		h.config.Logger.Error().Err(err).Str("request_id", x.requestID).Msg("starting a refresh failed, none is running for this request")
		x.refuse(http.StatusInternalServerError, problem{Code: codeInternal, Message: "Internal error"})
	}
}

func (x *exchange) refuseShuttingDown() {
	x.refuse(http.StatusServiceUnavailable, problem{Code: codeShuttingDown, Message: "Shutting down"})
}

// wholeSeconds rounds up, so that a caller who waits that long is not refused again, and never returns 0, which invites a hot loop.
func wholeSeconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}

// hasEmptyBody reads the body and reports whether it is empty, an empty JSON object or null, white space aside. Any other is refused.
func (x *exchange) hasEmptyBody() bool {
	// The reader needs net/http's own ResponseWriter: through a private method it has the connection closed if there is more to come,
	// where otherwise the server would wait for a quarter of a megabyte before it answered.
	body, err := io.ReadAll(http.MaxBytesReader(x.ResponseWriter, x.request.Body, maxBody))
	if err == nil && saysNothing(body) {
		return true
	}
	if err != nil && errors.Is(context.Cause(x.request.Context()), ErrShuttingDown) {
		x.refuseShuttingDown() // the rest of the body was not waited for
		return false
	}
	code, refusal := http.StatusBadRequest, codeInvalidBody
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		code, refusal = http.StatusRequestEntityTooLarge, codeBodyTooLarge
	}
	x.refuse(code, problem{Code: refusal, Message: "The body must be empty or {}"})
	return false
}

// saysNothing reports whether a body asks for nothing. Clients that oapi-codegen generates send null when their caller gives no body.
func saysNothing(body []byte) bool {
	var compact bytes.Buffer
	if len(bytes.TrimSpace(body)) == 0 {
		return true
	}
	return json.Compact(&compact, body) == nil && (compact.String() == "{}" || compact.String() == "null")
}

// parseWait returns how long the caller wants to wait, 0 for not at all.
func parseWait(rawQuery string) (time.Duration, error) {
	value, given, err := onlyParameter(rawQuery, "wait")
	if err != nil || !given {
		return 0, err
	}
	wait, err := time.ParseDuration(value)
	if err != nil || wait <= 0 || wait > maxWait {
		return 0, errQuery("wait must be a duration above 0s and up to 60s, such as 10s")
	}
	return wait, nil
}

// refreshAndWait answers when a refresh has ended that began reading after the request: the answer of one that had read before would not
// tell whether what the caller changed has arrived. A place among the waiters is taken first, so that a caller who is refused for want of
// a place has not started a refresh unawares.
func (h *Handler) refreshAndWait(x *exchange, wait time.Duration) {
	select {
	case h.waiters <- struct{}{}:
		defer func() { <-h.waiters }()
	default:
		x.Header().Set("Retry-After", "1")
		x.refuse(http.StatusServiceUnavailable, problem{
			Code: codeTooManyWaiters, Message: "Too many callers wait for a refresh: try again, or without wait",
		})
		return
	}
	run, started, err := h.config.Engine.RefreshAfter(x.requestID)
	if err != nil {
		h.refuseRefresh(x, err)
		return
	}
	x.started = started
	h.awaitEnd(x, run, wait)
}

// awaitEnd answers when the refresh has ended, or the wait, or the server.
func (h *Handler) awaitEnd(x *exchange, run *targetsync.Run, wait time.Duration) {
	x.outlastTimeout(wait)
	ctx, cancel := context.WithTimeoutCause(x.request.Context(), wait, errWaited)
	defer cancel()
	status, err := run.Wait(ctx)
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		x.answer(http.StatusOK, h.describe(status))
	case errors.Is(err, targetsync.ErrStopped), errors.Is(cause, ErrShuttingDown):
		x.refuseShuttingDown()
	case errors.Is(cause, errWaited):
		message := "The refresh has not ended in time, it goes on"
		if run.StartedAt.IsZero() {
			message = "The refresh has not begun in time, it follows the one that runs"
		}
		x.refuse(http.StatusGatewayTimeout, problem{Code: codeWaitTimeout, Message: message, StartedAt: timestamp{run.StartedAt}})
	case cause != nil: // nobody is there to read this
		x.refuse(http.StatusGatewayTimeout, problem{Code: codeClientGone, Message: "The caller has gone"})
	default:
		h.config.Logger.Error().Err(err).Str("request_id", x.requestID).Msg("waiting for a refresh failed, the refresh goes on")
		x.refuse(http.StatusInternalServerError, problem{Code: codeInternal, Message: "Internal error"})
	}
}

// outlastTimeout moves the connection's deadline for writing behind the wait. The deadline for reading is gone already: net/http lifts it
// when it has read a request, to notice a client that leaves.
func (x *exchange) outlastTimeout(wait time.Duration) {
	// The error says that the writer is not a connection's, as in tests; then there is no deadline to move.
	_ = http.NewResponseController(x).SetWriteDeadline(time.Now().Add(wait + answerGrace))
}
