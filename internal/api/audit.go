package api

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"sync"
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
	if code == 0 { // next panicked, and recoverPanic, further out, is about to answer 500
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

const (
	// floodWindow is how long, after a logged refusal, the same one is only counted.
	floodWindow = 10 * time.Second
	// maxTallies bounds memory, and with it the lines that any number of addresses can cause in one window.
	maxTallies = 256
	// manyAddresses is the address under which refusals are counted that found no tally free.
	manyAddresses = "many"
)

// refusalKey says which refusals are the same.
type refusalKey struct {
	address string // without port
	refusal errorCode
}

// tally is what became of one kind of refusal in its window.
type tally struct {
	since      time.Time // when the last one was logged
	suppressed int       // how many came after the logged one
}

func (t tally) open(now time.Time) bool { return now.Sub(t.since) < floodWindow }

// floodControl decides which refusals are logged: the first of each kind, and again after floodWindow. Those in between are counted,
// and each count is reported once: with the next line of its kind or, should none come, by settle. There is no timer, so the last counts
// wait for the next refresh request, whoever makes it. Under manyAddresses a line may count other addresses' refusals.
//
// A [zerolog.BurstSampler] would not do: it drops without counting, and it would need a logger for each address and refusal, which is the
// map below again.
type floodControl struct {
	mu      sync.Mutex
	tallies map[refusalKey]tally // at most maxTallies, and one per kind for manyAddresses
}

func newFloodControl() *floodControl { return &floodControl{tallies: make(map[refusalKey]tally)} }

// admit reports whether a refusal is to be logged, and how many like it were not since the last that was.
func (f *floodControl) admit(key refusalKey, now time.Time) (suppressed int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.tallies[key]; !known && len(f.tallies) >= maxTallies {
		key.address = manyAddresses
	}
	t := f.tallies[key] // the zero tally's window has long passed
	if t.open(now) {
		t.suppressed++
		f.tallies[key] = t
		return 0, false
	}
	f.tallies[key] = tally{since: now}
	return t.suppressed, true
}

// settled is a count that no further refusal of its kind will report.
type settled struct {
	refusalKey
	suppressed int
}

// settle forgets the tallies whose window has passed and returns those that counted something, ordered by key.
func (f *floodControl) settle(now time.Time) []settled {
	f.mu.Lock()
	defer f.mu.Unlock()
	var counts []settled
	for key, t := range f.tallies {
		if t.open(now) {
			continue
		}
		delete(f.tallies, key)
		if t.suppressed > 0 {
			counts = append(counts, settled{key, t.suppressed})
		}
	}
	slices.SortFunc(counts, func(a, b settled) int {
		return cmp.Or(cmp.Compare(a.address, b.address), cmp.Compare(a.refusal, b.refusal))
	})
	return counts
}
