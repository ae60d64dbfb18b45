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
)

// maxBody is the size limit of a request's body in bytes. The only body that means something is {}.
const maxBody = 1 << 10

// accepted is the answer to a refresh request that started a refresh.
type accepted struct {
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
	StartedAt Time   `json:"refresh_started_at"`
	Instance  string `json:"instance"`
}

// refresh starts a refresh and, with ?wait, answers when it has ended. What it does not understand it refuses: a caller who asks for
// more than there is must not take a 202 for a promise.
func (h *Handler) refresh(x *exchange) {
	wait, err := parseWait(x.request.URL.RawQuery)
	if err != nil {
		x.refuse(http.StatusBadRequest, problem{Code: codeInvalidQuery, Message: err.Error()})
		return
	}
	if err := x.expectEmptyBody(); err != nil {
		x.refuseBody(err)
		return
	}
	if wait > 0 {
		h.refreshAndWait(x, wait)
		return
	}
	run, err := h.config.Refresher.Refresh(x.requestID)
	if err != nil {
		h.refuseRefresh(x, err)
		return
	}
	x.started = true
	x.answer(http.StatusAccepted, accepted{
		Message: "Refresh triggered", RequestID: x.requestID, StartedAt: Time{run.StartedAt}, Instance: x.instance,
	})
}

// refuseRefresh answers what the engine refused.
func (h *Handler) refuseRefresh(x *exchange, err error) {
	if running, ok := errors.AsType[*InProgressError](err); ok {
		x.Header().Set("Retry-After", "1")
		x.refuse(http.StatusServiceUnavailable, problem{
			Code: codeRefreshInProgress, Message: "Target refresh already running", StartedAt: Time{running.Run.StartedAt},
		})
		return
	}
	if limited, ok := errors.AsType[*RateLimitedError](err); ok {
		seconds := wholeSeconds(limited.RetryAfter)
		x.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		x.refuse(http.StatusTooManyRequests, problem{
			Code: codeRateLimited, Message: fmt.Sprintf("Too many manual refreshes: the next is allowed in %d s", seconds),
			RetryAfterSeconds: seconds,
		})
		return
	}
	switch {
	case errors.Is(err, ErrNotStarted):
		x.refuse(http.StatusServiceUnavailable, problem{Code: codeNotStarted, Message: "Target refresh has not started yet"})
	case errors.Is(err, ErrShuttingDown):
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

// errBodyNotEmpty refuses a body that says something.
var errBodyNotEmpty = errors.New("the body is neither empty nor {}")

// expectEmptyBody reads the body and returns an error unless it is empty or an empty JSON object, white space aside.
func (x *exchange) expectEmptyBody() error {
	// The reader needs net/http's own ResponseWriter: through a private method it has the connection closed if there is more to come,
	// where otherwise the server would wait for a quarter of a megabyte before it answered.
	body, err := io.ReadAll(http.MaxBytesReader(x.ResponseWriter, x.request.Body, maxBody))
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil || compact.String() != "{}" {
		return errBodyNotEmpty
	}
	return nil
}

// refuseBody answers what expectEmptyBody refused.
func (x *exchange) refuseBody(err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		x.refuse(http.StatusRequestEntityTooLarge, problem{Code: codeBodyTooLarge, Message: "The body must be empty or {}"})
		return
	}
	x.refuse(http.StatusBadRequest, problem{Code: codeInvalidBody, Message: "The body must be empty or {}"})
}

const (
	// maxWait is how long a caller may wait for a refresh to end.
	maxWait = 60 * time.Second
	// maxWaiters is how many callers may wait at once: each holds a connection and a goroutine.
	maxWaiters = 32
	// answerGrace is what a caller who waited gets to receive the answer.
	answerGrace = 10 * time.Second
)

// errWaited ends a wait that took as long as the caller wanted.
var errWaited = errors.New("the wait is over")

// parseWait returns how long the caller wants to wait, 0 for not at all.
func parseWait(rawQuery string) (time.Duration, error) {
	text, err := onlyParameter(rawQuery, "wait")
	if errors.Is(err, errNoParameter) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait <= 0 || wait > maxWait {
		return 0, errQuery("wait must be a duration above 0s and up to 60s, such as 10s")
	}
	return wait, nil
}

// refreshAndWait starts a refresh, or joins the one that runs, and answers when it has ended. Its place among the waiters is taken
// first, so that a caller who is refused for want of one has not started a refresh unawares.
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
	run, err := h.config.Refresher.Refresh(x.requestID)
	if running, ok := errors.AsType[*InProgressError](err); ok {
		run = running.Run
	} else if err != nil {
		h.refuseRefresh(x, err)
		return
	} else {
		x.started = true
	}
	h.awaitEnd(x, run, wait)
}

// awaitEnd answers when the refresh has ended, or the wait, or the server.
func (h *Handler) awaitEnd(x *exchange, run Run, wait time.Duration) {
	x.outlastTimeout(wait)
	ctx, cancel := context.WithTimeoutCause(x.request.Context(), wait, errWaited)
	defer cancel()
	status, err := run.Wait(ctx)
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		x.answer(http.StatusOK, newStatusDocument(status, x.instance))
	case errors.Is(err, ErrShuttingDown), errors.Is(cause, ErrShuttingDown):
		x.refuseShuttingDown()
	case errors.Is(cause, errWaited):
		x.refuse(http.StatusGatewayTimeout, problem{
			Code: codeWaitTimeout, Message: "The refresh has not ended in time, it goes on", StartedAt: Time{run.StartedAt},
		})
	case cause != nil: // nobody is there to read this
		x.refuse(http.StatusGatewayTimeout, problem{Code: codeClientGone, Message: "The caller has gone"})
	default:
		h.config.Logger.Error().Err(err).Str("request_id", x.requestID).Msg("waiting for a refresh failed, the refresh goes on")
		x.refuse(http.StatusInternalServerError, problem{Code: codeInternal, Message: "Internal error"})
	}
}

// outlastTimeout moves the connection's deadline for writing behind the wait. The one for reading is no concern: net/http has lifted it by
// the time the request was read, to notice a client that leaves.
func (x *exchange) outlastTimeout(wait time.Duration) {
	// The error says that the writer is not a connection's, as in tests; then there is no deadline to move.
	_ = http.NewResponseController(x).SetWriteDeadline(time.Now().Add(wait + answerGrace))
}
