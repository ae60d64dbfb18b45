package api

import (
	"bytes"
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
