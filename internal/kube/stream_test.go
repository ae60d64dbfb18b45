package kube_test

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// watchStream is the server's side of a watch, in the media type that the client asked for first.
type watchStream struct {
	api     *secretAPI
	w       http.ResponseWriter
	r       *http.Request
	media   string
	version int
}

func newWatchStream(api *secretAPI, w http.ResponseWriter, r *http.Request) *watchStream {
	version, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	return &watchStream{api: api, w: w, r: r, media: runtime.ContentTypeProtobuf, version: version}
}

// open sends the header, as an API server does before the first event.
func (s *watchStream) open() {
	s.w.Header().Set("Content-Type", s.media+";stream=watch")
	s.w.WriteHeader(http.StatusOK)
	s.flush()
}

func (s *watchStream) flush() { _ = http.NewResponseController(s.w).Flush() }

// send sends one event, framed and encoded by the API server's own code.
func (s *watchStream) send(kind watch.EventType, obj runtime.Object) {
	info, _ := runtime.SerializerInfoForMediaType(s.api.codecs.SupportedMediaTypes(), s.media)
	event := &metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: s.api.encode(obj, s.media)}}
	var frame bytes.Buffer
	if err := s.api.codecs.EncoderForVersion(info.StreamSerializer.Serializer, corev1.SchemeGroupVersion).Encode(event, &frame); err != nil {
		panic(err)
	}
	_, _ = info.StreamSerializer.Framer.NewFrameWriter(s.w).Write(frame.Bytes())
	s.flush()
}

// secret sends an event about a Secret, at the next version.
func (s *watchStream) secret(kind watch.EventType, secret corev1.Secret) {
	s.version++
	secret.ResourceVersion = strconv.Itoa(s.version)
	s.send(kind, &secret)
}

// changed sends an event about a Secret of a namespace, with the label or without.
func (s *watchStream) changed(kind watch.EventType, namespace string, labelled bool) {
	secret := targetSecrets(1)[0]
	secret.Namespace = namespace
	if !labelled {
		secret.Labels = nil
	}
	s.secret(kind, secret)
}

func (s *watchStream) bookmark() { s.secret(watch.Bookmark, corev1.Secret{}) }

func (s *watchStream) raw(text string) {
	_, _ = s.w.Write([]byte(text))
	s.flush()
}

// hang keeps the stream open until the client is gone.
func (s *watchStream) hang() { <-s.r.Context().Done() }

// hangFor keeps it open for a while.
func (s *watchStream) hangFor(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.r.Context().Done():
	}
}

// openAndHang says nothing after the header.
func (s *watchStream) openAndHang() { s.open(); s.hang() }

// reset breaks the connection off.
func (*watchStream) reset() { panic(http.ErrAbortHandler) }

// watchOnce follows until the watch ends, and returns what was emitted and the end.
func watchOnce(t *testing.T, k *kube.Source) (events []source.Event, end *source.Error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := k.Watch(ctx, alertsNamespace, "100", func(e source.Event) { events = append(events, e) })
	end, ok := err.(*source.Error) //nolint:errorlint // Watch promises it unwrapped
	if !ok {
		t.Fatalf("got %v (%T), want a *source.Error", err, err)
	}
	return events, end
}
