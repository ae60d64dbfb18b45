package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// exchange is one request and its answer. Handlers answer through it, and metrics and the audit log read from it afterwards what
// became of the request. It belongs to the goroutine that serves the request.
type exchange struct {
	http.ResponseWriter
	request   *http.Request
	requestID string
	instance  string

	code    int       // the answer's code; 0 until the answer begins
	refusal errorCode // why the answer is an error; empty if it is none
	started bool      // a refresh was started or planned for this request, whatever the answer says
	user    string    // who asks; empty: not known
}

// Unwrap lets [http.ResponseController] reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(code int) {
	x.code = code
	x.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (x *exchange) Write(body []byte) (int, error) {
	if x.code == 0 {
		x.WriteHeader(http.StatusOK)
	}
	return x.ResponseWriter.Write(body)
}

// setHeaders sets what every answer carries. Nothing here is meant for a browser, so a browser is told to do nothing with it.
func (x *exchange) setHeaders() {
	h := x.Header()
	h.Set(requestIDHeader, x.requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// answer sends a JSON body.
func (x *exchange) answer(code int, body any) { x.send(code, "application/json", mustEncode(body)) }

// send sends a body that is complete. A broken connection is the client's loss and nobody else's, so the error of writing is dropped.
func (x *exchange) send(code int, contentType string, body []byte) {
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.WriteHeader(code)
	_, _ = x.Write(body)
}

// sendMade sends an answer that was made for others too.
func (x *exchange) sendMade(made *madeAnswer) {
	for name, values := range made.header {
		x.Header()[name] = values
	}
	x.send(made.code, made.header.Get("Content-Type"), made.body.Bytes())
}

// refuse sends an error.
func (x *exchange) refuse(code int, p problem) {
	x.refusal = p.Code
	p.RequestID, p.Instance = x.requestID, x.instance
	x.answer(code, p)
}

// mustEncode encodes one of this package's own shapes, which cannot fail unless this package is at fault.
func mustEncode(body any) []byte {
	encoded, err := encode(body)
	if err != nil {
		panic(fmt.Errorf("encoding %T: %w", body, err))
	}
	return encoded
}

// encode returns a line of JSON. It does not escape for HTML, because people read it with curl; the content type and nosniff keep
// browsers from taking it for a page.
func encode(v any) ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return line.Bytes(), err
}

const (
	requestIDHeader = "X-Request-Id" // net/http's spelling of X-Request-ID; header names have no case
	maxRequestID    = 128
)

// requestID returns the caller's ID if it is harmless in headers and logs, else a new one.
func requestID(h http.Header) string {
	if id := h.Get(requestIDHeader); acceptableRequestID(id) {
		return id
	}
	return uuid.NewString()
}

func acceptableRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// errQuery refuses a query that is not understood. Its text is shown to the caller.
type errQuery string

// Error implements error.
func (e errQuery) Error() string { return string(e) }

// onlyParameter returns the value of the one parameter that a call takes, if the caller gives it. It refuses everything else in the
// query: a caller who mistypes a filter must not take the answer for a filtered one.
func onlyParameter(rawQuery, name string) (value string, given bool, err error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", false, errQuery("The query is malformed")
	}
	if len(query) == 0 {
		return "", false, nil
	}
	values, given := query[name]
	switch {
	case !given || len(query) > 1:
		return "", false, errQuery("Unknown query parameter: this call takes only " + name)
	case len(values) > 1:
		return "", false, errQuery("The parameter " + name + " is given more than once")
	}
	return values[0], true, nil
}

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

	codeTooManyUnknownTokens errorCode = "too_many_unknown_tokens"
	codeCrossOrigin          errorCode = "cross_origin"
	codeForeignHost          errorCode = "foreign_host"

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
	StartedAt         timestamp `json:"started_at,omitzero"`          // refresh_in_progress and wait_timeout only
	RetryAfterSeconds int64     `json:"retry_after_seconds,omitzero"` // rate_limited only
	RequestID         string    `json:"request_id"`
	Instance          string    `json:"instance"`
}

// timeFormat is RFC 3339 with milliseconds; the trailing Z is literal, so a time must be in UTC to be formatted.
const timeFormat = "2006-01-02T15:04:05.000Z"

// timestamp is a time in JSON: RFC 3339 in UTC with milliseconds, or null if it is zero, as for what never happened.
type timestamp struct{ time.Time }

// MarshalJSON implements [json.Marshaler].
func (t timestamp) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"`+timeFormat+`"`), nil
}

// text is a string in JSON, or null if it is empty.
type text string

// MarshalJSON implements [json.Marshaler].
func (t text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return encode(string(t))
}
