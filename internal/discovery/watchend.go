package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// WatchEnd says how a watch ended, as metrics count it.
type WatchEnd string

// Ends of watches.
const (
	WatchTimeout   WatchEnd = "timeout"   // when the server was asked to end it: the normal end
	WatchClosed    WatchEnd = "closed"    // by the server, earlier
	WatchBroken    WatchEnd = "broken"    // the connection broke, or could not be made
	WatchSilent    WatchEnd = "silent"    // nothing was received any more
	WatchRefused   WatchEnd = "refused"   // by the server, before it began, for now
	WatchForbidden WatchEnd = "forbidden" // by the server, until somebody changes something
	WatchExpired   WatchEnd = "expired"   // the server no longer has the changes since the version asked for
	WatchInvalid   WatchEnd = "error"     // the server reported an error, or sent what cannot be decoded
)

// WatchEnds returns the ends that there are.
func WatchEnds() []WatchEnd {
	return []WatchEnd{WatchTimeout, WatchClosed, WatchBroken, WatchSilent, WatchRefused, WatchForbidden, WatchExpired, WatchInvalid}
}

// ended makes an error of how the stream ended. Cause is why its context ended, nil if it did not.
func (s *stream) ended(err, cause error) *Error {
	atLimit := errors.Is(err, io.EOF) && !time.Now().Before(s.deadline.Add(-time.Second)) || errors.Is(cause, context.DeadlineExceeded)
	switch {
	case errors.Is(cause, errSilent) && s.opened:
		e := s.cut(errSilent.Error(), WatchSilent)
		e.Hint = "the API server, or a proxy before it, hangs; the watch is opened again"
		return e
	case errors.Is(cause, errSilent):
		e := s.cut("no answer in time", WatchBroken)
		e.Hint = "the API server is slow or packets are lost: " + hintReach
		return e
	case s.opened && atLimit:
		return s.cut("the watch ended at its time limit", WatchTimeout)
	}
	e := classify(err, s.call())
	e.End = s.endOf(err, e)
	if e.End == WatchClosed {
		e.Hint = "the API server is shutting down or sheds load, or a proxy before it ends long requests"
	}
	return e
}

func (s *stream) call() call { return call{"watch", s.namespace, *s.answer} }

// cut describes an end that came by the clock.
func (s *stream) cut(why string, end WatchEnd) *Error {
	return &Error{Type: TimeoutError, End: end, Err: fmt.Errorf("%s: %s", s.call(), why)}
}

// endOf tells the ends apart that the error itself shows.
func (s *stream) endOf(err error, e *Error) WatchEnd {
	_, foreign := errors.AsType[foreignAnswer](err)
	_, refused := errors.AsType[*apierrors.StatusError](err)
	code := statusCode(err, *s.answer)
	switch {
	case code == http.StatusGone, apierrors.IsResourceExpired(err):
		return WatchExpired
	case s.opened && (foreign || refused):
		return WatchInvalid
	case refused && e.Permanent && code != http.StatusUnauthorized:
		return WatchForbidden
	case refused, foreign:
		return WatchRefused
	case s.opened && errors.Is(err, io.EOF):
		return WatchClosed
	}
	return WatchBroken
}

// Newer reports whether resourceVersion a is later than b. A version that is not well formed is not later than any, and none is later
// than it: an API server has none such.
func Newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
