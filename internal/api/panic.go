package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// recoverPanic turns a panic into a 500. It is to be deferred.
//
// Only the panic value's type is logged, never its text: that may hold whatever the code at fault was working on, a Secret's value
// included. The stack shows arguments as addresses.
func (h *Handler) recoverPanic(x *exchange, path string) {
	value := recover()
	if value == nil {
		return
	}
	h.config.Logger.Error().Str("request_id", x.requestID).Str("path", path).
		Str("panic_type", fmt.Sprintf("%T", value)).Bytes("stack", debug.Stack()).
		Msg("answering a request panicked, the server goes on")
	if x.code != 0 {
		// The answer has begun and cannot be taken back. This value tells net/http, quietly, to cut the connection, so that the
		// client does not take a part for the whole.
		panic(http.ErrAbortHandler)
	}
	x.refuse(http.StatusInternalServerError, problem{Code: codeInternal, Message: "Internal error"})
}
