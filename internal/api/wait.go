package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

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
