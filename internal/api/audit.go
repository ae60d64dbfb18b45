package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/rs/zerolog"
)

// maxUserAgent is how many characters of a User-Agent an audit line shows.
const maxUserAgent = 128

// auditLog records who asked for a refresh and what came of it. Refusals are cheap to provoke, so those that repeat are counted
// instead of logged, see [floodControl].
type auditLog struct {
	logger   zerolog.Logger
	refusals *floodControl
}

func newAuditLog(logger zerolog.Logger) *auditLog {
	return &auditLog{logger: logger, refusals: newFloodControl()}
}

// record returns a handler that leaves an audit line after next has answered, or panicked.
func (a *auditLog) record(next answerFunc) answerFunc {
	return func(x *exchange) {
		defer func() { a.write(x) }()
		next(x)
	}
}

func (a *auditLog) write(x *exchange) {
	now := time.Now()
	code, refusal := x.code, x.refusal
	if code == 0 { // next panicked; recoverPanic, further out, is about to answer this
		code, refusal = http.StatusInternalServerError, codeInternal
	}
	if x.started {
		a.line(x, "accepted", code).Msg("refresh requested")
	} else if refusal == "" {
		a.line(x, "joined", code).Msg("refresh requested")
	} else if suppressed, ok := a.refusals.admit(refusalKey{ip(x.request.RemoteAddr), refusal}, now); ok {
		line := a.line(x, string(refusal), code)
		if suppressed > 0 {
			line.Int("suppressed", suppressed)
		}
		line.Msg("refresh requested")
	}
	for _, t := range a.refusals.settle(now) {
		a.logger.Info().Str("remote_address", t.address).Str("outcome", string(t.refusal)).Int("suppressed", t.suppressed).
			Msg("refresh requests were refused without a line of their own")
	}
}

func (a *auditLog) line(x *exchange, outcome string, code int) *zerolog.Event {
	line := a.logger.Info().Str("request_id", x.requestID).Str("remote_address", x.request.RemoteAddr).
		Str("user_agent", firstCharacters(x.request.UserAgent(), maxUserAgent)).Str("outcome", outcome).Int("code", code)
	if x.user != "" {
		line.Str("user", firstCharacters(x.user, maxUser))
	}
	return line
}

// ip returns the address without its port, in one spelling, since a client picks a new port for each connection. Anything else that
// a listener calls an address is returned as it is.
func ip(remote string) string {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	return addr.Addr().Unmap().String() // a dual-stack listener may show one client as 192.0.2.1 and as ::ffff:192.0.2.1
}

// firstCharacters cuts s after n characters, never inside one.
func firstCharacters(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
