package kube

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// classify says what an error of client-go means for the caller, by type and status code, never by text: texts differ between
// servers and versions, and a proxy writes what it likes.
func classify(err error, a answer, about Call) *source.Error {
	code := statusCode(err, a)
	safe := &safeError{text: describe(err, code, a, about), cause: err}
	e := &source.Error{Type: source.APIError, RetryAfter: a.retryAfter, Err: fmt.Errorf("%s: %w", about.Doing, safe)}
	if code == http.StatusGatewayTimeout || utilnet.IsTimeout(err) {
		e.Type = source.TimeoutError
	}
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Permanent, e.Denied = true, true
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		e.Permanent = true
	}
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		e.RetryAfter = max(e.RetryAfter, time.Duration(seconds)*time.Second)
	}
	if code != 0 {
		e.Hint = answerHint(code, err, about.Hints)
	} else {
		e.Hint = connectionHint(err, a, about.Hints)
	}
	return e
}

// statusCode is the code of a refusal, 0 if err is something else. The code of the response goes before the one in its body: a
// [metav1.Status] can lack it. The error event of a watch, and a refusal sent with 200, have the body's only.
func statusCode(err error, a answer) int {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	switch {
	case !ok:
		return 0
	case a.code >= http.StatusMultipleChoices:
		return a.code
	}
	return int(status.ErrStatus.Code)
}

// safeError shows a text of its own instead of the text of its cause, which can quote a response: client-go puts the body of an
// answer that is not from Kubernetes into its errors, and net/http the first line of one that is not HTTP. errors.Is and
// errors.As reach the cause; loggers that print a chain of errors link by link do not.
type safeError struct {
	text  string
	cause error
}

// Error implements error.
func (e *safeError) Error() string { return e.text }

// Is lets errors.Is see the cause.
func (e *safeError) Is(target error) bool { return errors.Is(e.cause, target) }

// As lets errors.As see the cause.
func (e *safeError) As(target any) bool { return errors.As(e.cause, target) }

// foreignAnswer is an answer that came whole, but is not one that an API server gives.
type foreignAnswer string

// Error implements error.
func (f foreignAnswer) Error() string { return string(f) }
