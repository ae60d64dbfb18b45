package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// ended returns the error that says how the stream ended. The cause is why its context ended; nil: it did not.
func (s *stream) ended(err, cause error) *source.Error {
	atLimit := errors.Is(err, io.EOF) && !time.Now().Before(s.deadline.Add(-time.Second)) || errors.Is(cause, context.DeadlineExceeded)
	switch {
	case errors.Is(cause, errSilent) && s.opened:
		return s.cut(errSilent.Error(), source.WatchQuiet)
	case errors.Is(cause, errSilent):
		e := s.cut("no answer in time", source.WatchBroken)
		e.Hint = slowHint(Hints{})
		return e
	case s.opened && atLimit:
		return s.cut("the watch ended at its time limit", source.WatchTimeout)
	}
	e := classify(err, *s.answer, callWatch(s.namespace))
	e.End = s.endOf(err, e)
	if e.End == source.WatchClosed {
		e.Hint = "the API server is shutting down or sheds load, or a proxy before it ends long requests"
	}
	return e
}

// cut describes an end that came by the clock.
func (s *stream) cut(why string, end source.WatchEnd) *source.Error {
	return &source.Error{Type: source.TimeoutError, End: end, Err: fmt.Errorf("%s: %s", callWatch(s.namespace).Doing, why)}
}

// endOf tells apart the ends that show in the error itself.
func (s *stream) endOf(err error, e *source.Error) source.WatchEnd {
	_, foreign := errors.AsType[foreignAnswer](err)
	_, refused := errors.AsType[*apierrors.StatusError](err)
	code := statusCode(err, *s.answer)
	switch {
	case code == http.StatusGone, apierrors.IsResourceExpired(err):
		return source.WatchExpired
	case s.opened && (foreign || refused):
		return source.WatchInvalid
	case refused && e.Permanent && code != http.StatusUnauthorized:
		return source.WatchForbidden
	case refused, foreign:
		return source.WatchRefused
	case s.opened && errors.Is(err, io.EOF):
		return source.WatchClosed
	}
	return source.WatchBroken
}
