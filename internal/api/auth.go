package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

const (
	// maxUser is how many characters of a user's name an audit line shows.
	maxUser = 128
	// authTimeout bounds the decision on one request, which may ask another server.
	authTimeout = 10 * time.Second
)

// Authorizer decides who may call what. It is called concurrently, only with a token, and has 10 s.
type Authorizer interface {
	// Authorize returns the name of the token's owner, which the audit log shows; it may do so even with ErrForbidden.
	//
	// It refuses with [ErrUnauthenticated], [ErrForbidden] or [ErrTooManyUnknown], perhaps wrapped. Any other error says that it cannot tell: the caller
	// gets a 503, and the log the error's text, which must hold nothing secret.
	Authorize(ctx context.Context, credentials Credentials) (user string, err error)
}

// Credentials are what a caller shows and wants. Printing them, with any verb, does not show the token.
type Credentials struct {
	Token  string // the bearer token; visible ASCII, not empty
	Method string // GET or POST
	Path   string // the path of one of the API's calls

	Address string // where the caller is, without port; a proxy's where there is one
}

// Format implements [fmt.Formatter].
func (c Credentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.Method+" "+c.Path+" with a token")
}

// Refusals of an [Authorizer].
var (
	ErrUnauthenticated = errors.New("the token is not known")
	ErrForbidden       = errors.New("the user may not do this")
	ErrTooManyUnknown  = errors.New("too many unknown tokens are shown")
)

// guard lets only authorized requests pass.
type guard struct {
	authorizer Authorizer // nil: all may pass
	logger     zerolog.Logger
	faults     *floodControl // an authorizer that is away must not fill the log
}

// protect returns a handler that asks the authorizer before next answers.
func (g *guard) protect(next answerFunc) answerFunc {
	if g.authorizer == nil {
		return next
	}
	return func(x *exchange) {
		user, err := g.authorize(x.request)
		x.user = user
		switch {
		case err == nil:
			next(x)
		case errors.Is(err, ErrUnauthenticated):
			x.Header().Set("WWW-Authenticate", "Bearer")
			x.refuse(http.StatusUnauthorized, problem{
				Code: codeUnauthenticated, Message: "This call needs a valid token in the header Authorization: Bearer",
			})
		case errors.Is(err, ErrForbidden):
			x.refuse(http.StatusForbidden, problem{Code: codeForbidden, Message: "The token's owner may not do this"})
		case errors.Is(err, ErrTooManyUnknown):
			x.Header().Set("Retry-After", "1")
			x.refuse(http.StatusTooManyRequests, problem{
				Code: codeTooManyUnknownTokens, Message: "Too many unknown tokens were shown, this one was not looked at: try again later",
			})
		case errors.Is(context.Cause(x.request.Context()), ErrShuttingDown):
			x.refuseShuttingDown()
		default:
			g.logFault(x, err)
			x.Header().Set("Retry-After", "1")
			x.refuse(http.StatusServiceUnavailable, problem{
				Code: codeAuthUnavailable, Message: "Whether the token is valid cannot be found out at present",
			})
		}
	}
}

func (g *guard) authorize(r *http.Request) (user string, err error) {
	token, ok := bearerToken(r.Header)
	if !ok {
		return "", ErrUnauthenticated
	}
	ctx, cancel := context.WithTimeout(r.Context(), authTimeout)
	defer cancel()
	method := r.Method
	if method == http.MethodHead { // HEAD is answered as GET, so whoever may GET may
		method = http.MethodGet
	}
	return g.authorizer.Authorize(ctx, Credentials{Token: token, Method: method, Path: r.URL.Path, Address: ip(r.RemoteAddr)})
}

func (g *guard) logFault(x *exchange, err error) {
	suppressed, ok := g.faults.admit(refusalKey{refusal: codeAuthUnavailable}, time.Now())
	if !ok {
		return
	}
	g.logger.Warn().Err(err).Str("request_id", x.requestID).Int("suppressed", suppressed).
		Msg("a caller could not be authorized, requests that need it are refused")
}

// bearerToken returns the token of the one Authorization header. Two headers count as no token: a proxy in front may have checked the
// other one.
func bearerToken(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && isToken(token)
}

// isToken reports whether s is visible ASCII, and not empty: anything else does not survive headers and JSON unchanged. Package httpguts has
// no such set: its header values may hold blanks and bytes beyond ASCII, and its tokens lack the / and = of base64.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
