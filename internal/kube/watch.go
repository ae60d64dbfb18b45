package kube

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/streaming"
	"k8s.io/apimachinery/pkg/watch"
	restwatch "k8s.io/client-go/rest/watch"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	// watchLimit is how long a watch may last: the API server is asked to end it between four fifths of it and all of it, so that the
	// watches of many pods, opened together after an outage, do not end together.
	watchLimit = 5 * time.Minute
	// watchGrace is the time beyond watchLimit that a server gets to end a watch by itself. Nothing else bounds a watch on this side.
	watchGrace = 30 * time.Second
	// silenceLimit is how long an open watch may say nothing. It need not mean anything: an API server sends a bookmark every minute from
	// 1.34 on, and none of a resource that nobody changes before, or where its watch cache is off. But a watch can also be dead although
	// its connection answers pings, as a proxy in between does, and opening it again from the last version shows which it was.
	silenceLimit = 3 * time.Minute
	// openLimit is what opening a watch may take, TLS included: the API server answers before the first event.
	openLimit = 30 * time.Second
)

// errSilent ends a watch that says nothing.
var errSilent = errors.New("nothing was received for minutes, the watch is opened again")

// Watch follows what happens to the labelled Secrets of a namespace, or with "" of all namespaces, after resourceVersion. It calls emit
// from the calling goroutine: with [source.Opened] once the API server has accepted, then with each change in order, and with a [source.Bookmark] for
// each version up to which nothing else happened. A later Watch can go on from the last version emitted.
//
// Every end is an [*source.Error] that says which it was ([source.Error.End]), also the one that the server was asked for, 4 to 5 minutes after the
// beginning. A cancelled ctx is returned as it is.
func (k *Source) Watch(ctx context.Context, namespace, resourceVersion string, emit func(source.Event)) error {
	limit := k.watchLimit - time.Duration(rand.Int64N(int64(k.watchLimit)/5+1)) // #nosec G404 -- it spreads load, it hides nothing
	cut, cancel := context.WithTimeout(ctx, limit+watchGrace)
	defer cancel()
	cut, silence := context.WithCancelCause(cut)
	defer silence(nil)
	s := stream{
		namespace: namespace, emit: emit,
		quiet: k.silence, deadline: time.Now().Add(limit),
		timer: time.AfterFunc(min(openLimit, k.silence), func() { silence(errSilent) }),
	}
	defer s.timer.Stop()
	err := s.follow(cut, k, resourceVersion, limit)
	if errors.Is(context.Cause(cut), errSilent) {
		k.client.Close() // the next one is to get a connection that does not hang
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.ended(err, context.Cause(cut))
}

// stream is one watch.
type stream struct {
	namespace string
	emit      func(source.Event)
	quiet     time.Duration // silence after which the watch is given up
	deadline  time.Time     // when the server is to end the watch
	timer     *time.Timer   // ends the watch when it fires
	answer    *answer
	opened    bool         // the server has accepted the watch
	body      *errorKeeper // nil until the server has answered
}

// follow opens the stream and reads it until it ends.
func (s *stream) follow(ctx context.Context, k *Source, resourceVersion string, limit time.Duration) error {
	ctx, s.answer = withAnswer(quiet(ctx))
	s.answer.endless = true
	body, err := k.client.request(http.MethodGet).
		Namespace(s.namespace).Resource("secrets").
		Param("labelSelector", k.selector).
		Param("watch", "true").
		Param("resourceVersion", resourceVersion).
		Param("allowWatchBookmarks", "true").
		Param("timeoutSeconds", strconv.Itoa(max(1, int(limit.Seconds())))).
		Stream(ctx)
	if err != nil {
		return withEnd(ctx, err)
	}
	defer func() { _ = body.Close() }()
	s.body = &errorKeeper{ReadCloser: body}
	objects, frames, framer, err := k.client.negotiator.StreamDecoder(s.answer.mediaType, nil)
	if err != nil {
		return foreignAnswer("the answer is not a stream of changes")
	}
	s.opened = true
	s.timer.Reset(s.quiet)
	s.emit(source.Event{Namespace: s.namespace, Kind: source.Opened, ResourceVersion: resourceVersion})
	decoder := restwatch.NewDecoder(streaming.NewDecoder(framer.NewFrameReader(s.body), frames), objects)
	for {
		kind, obj, err := decoder.Decode()
		if err != nil {
			return withEnd(ctx, s.readError(err))
		}
		s.timer.Reset(s.quiet)
		if err := s.pass(k, kind, obj); err != nil {
			return err
		}
	}
}

// readError separates a connection that ended, whose error is returned, from bytes that are not what an API server sends. The decoder's
// own error is dropped: it can quote them.
func (s *stream) readError(err error) error {
	if s.body.err != nil && (errors.Is(err, s.body.err) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return err
	}
	return foreignAnswer("what was received is not a change of a Secret")
}

// pass emits one event as it came.
func (s *stream) pass(k *Source, kind watch.EventType, obj runtime.Object) error {
	if status, ok := obj.(*metav1.Status); ok && kind == watch.Error {
		return apierrors.FromObject(status)
	}
	changed, ok := obj.(*object)
	if !ok || kind == watch.Error || changed.ResourceVersion == "" {
		return foreignAnswer("what was received is not a change of a Secret")
	}
	e := source.Event{Namespace: s.namespace, ResourceVersion: changed.ResourceVersion, Kind: source.Bookmark}
	switch kind {
	case watch.Added, watch.Modified:
		if !k.lists(changed, s.namespace) {
			return foreignAnswer(notAsked)
		}
		e.Kind, e.Secret = source.Upsert, secret.Decode(&changed.Object)
	case watch.Deleted: // also a Secret that lost its label
		if !isIn(changed, s.namespace) {
			return foreignAnswer(notAsked)
		}
		e.Kind = source.Delete
		e.Secret = source.Secret{Key: changed.Namespace + "/" + changed.Name, UID: string(changed.UID), ResourceVersion: changed.ResourceVersion}
	}
	s.emit(e)
	return nil
}

// errorKeeper remembers how reading ended.
type errorKeeper struct {
	io.ReadCloser
	err error
}

// Read implements io.Reader.
func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	if err != nil {
		k.err = err
	}
	return n, err
}
