package kube_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

func TestWatchEmitsEachChangeInOrder(t *testing.T) {
	for _, media := range []string{runtime.ContentTypeProtobuf, runtime.ContentTypeJSON} {
		t.Run(media, func(t *testing.T) {
			secrets := targetSecrets(2)
			broken := secrets[1]
			broken.Data = map[string][]byte{"config": []byte("{")}
			api := newTLSAPI(t)
			api.watch = func(s *watchStream) {
				s.media = media
				s.open()
				s.secret(watch.Added, secrets[0])
				s.secret(watch.Modified, broken)
				s.bookmark()
				s.secret(watch.Deleted, secrets[0])
			}
			events, end := watchOnce(t, api.source(t))
			var got []string
			for _, e := range events {
				line := fmt.Sprintf("%s %s %s", e.Kind, e.Namespace, e.ResourceVersion)
				if e.Secret.Key != "" {
					line += fmt.Sprintf(" %s uid %s at %s target %t fault %t", e.Secret.Key, e.Secret.UID, e.Secret.ResourceVersion, e.Secret.Entry != nil, e.Secret.Fault != nil)
				}
				got = append(got, line)
			}
			want := []string{
				"opened alerts 100",
				"upsert alerts 101 alerts/target-00000 uid uid-target-00000 at 101 target true fault false",
				"upsert alerts 102 alerts/target-00001 uid uid-target-00001 at 102 target false fault true",
				"bookmark alerts 103",
				"delete alerts 104 alerts/target-00000 uid uid-target-00000 at 104 target false fault false",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if end.End != source.WatchClosed {
				t.Errorf("got end %s, want closed", end.End)
			}
		})
	}
}

func TestWatchAsksForBookmarksAndASpreadEnd(t *testing.T) {
	api := newAPI(t)
	api.watch = func(s *watchStream) { s.open() }
	k := api.source(t)
	limits := map[string]bool{}
	for range 20 {
		watchOnce(t, k)
	}
	for _, r := range api.seen() {
		query := r.URL.Query()
		seconds, err := strconv.Atoi(query.Get("timeoutSeconds"))
		if err != nil || seconds < 240 || seconds > 300 {
			t.Errorf("got timeoutSeconds %s, want 240 to 300", query.Get("timeoutSeconds"))
		}
		limits[query.Get("timeoutSeconds")] = true
		query.Del("timeoutSeconds")
		want := url.Values{"watch": {"true"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {"100"}, "labelSelector": {"publishing-target=true"}}
		if diff := cmp.Diff(want, query); diff != "" || r.URL.Path != "/api/v1/namespaces/alerts/secrets" {
			t.Errorf("got %s, query (-want +got):\n%s", r.URL.Path, diff)
		}
	}
	if len(limits) < 2 {
		t.Errorf("got the limits %v, want them spread", limits)
	}
}

// TestWatchSaysHowItEnded also holds every end to secrecy: no text of the server's but a refusal's own words is shown.
func TestWatchSaysHowItEnded(t *testing.T) {
	const canary = "canary-value"
	gone := &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired, Message: "too old resource version: 1 (2)"}
	cases := map[string]struct {
		answer func(s *watchStream)
		limit  time.Duration // of the watch, 0: as usual
		want   source.WatchEnd
		text   string // that the error holds
	}{
		"the server ends it early": {answer: func(s *watchStream) { s.open() }, want: source.WatchClosed},
		"the server ends it in time": {
			answer: func(s *watchStream) { s.open(); s.hangFor(time.Second) }, limit: time.Second, want: source.WatchTimeout, text: "time limit"},
		"the connection breaks": {answer: func(s *watchStream) { s.open(); s.bookmark(); s.reset() }, want: source.WatchBroken},
		"it breaks in a frame":  {answer: func(s *watchStream) { s.open(); s.raw("\x00\x00\x00\x50{"); s.reset() }, want: source.WatchBroken},
		"expired, as an event":  {answer: func(s *watchStream) { s.open(); s.send(watch.Error, gone) }, want: source.WatchExpired, text: "410 Gone: too old"},
		"expired, as an answer": {answer: func(s *watchStream) { answerStatus(s.w, 410, metav1.StatusReasonExpired, "too old") }, want: source.WatchExpired},
		"gone, as an answer":    {answer: func(s *watchStream) { answerStatus(s.w, 410, metav1.StatusReasonGone, "gone") }, want: source.WatchExpired},
		"another error event": {answer: func(s *watchStream) {
			s.open()
			s.send(watch.Error, &metav1.Status{Status: metav1.StatusFailure, Code: 500, Reason: metav1.StatusReasonInternalError, Message: canary})
		}, want: source.WatchInvalid, text: "500"},
		"a frame that is none":      {answer: func(s *watchStream) { s.open(); s.raw("\x00\x00\x00\x05" + canary); s.hang() }, want: source.WatchInvalid},
		"a frame that is too large": {answer: func(s *watchStream) { s.open(); s.raw("\x7f\xff\xff\xff" + strings.Repeat(canary, 2<<20)) }, want: source.WatchInvalid},
		"JSON that is no event": {answer: func(s *watchStream) {
			s.media = runtime.ContentTypeJSON
			s.open()
			s.raw(`{"` + canary + `":1}` + "\n")
			s.hang()
		}, want: source.WatchInvalid},
		"the same at the end":           {answer: func(s *watchStream) { s.media = runtime.ContentTypeJSON; s.open(); s.raw(`{"` + canary + `":1}`) }, want: source.WatchInvalid},
		"an event of another kind":      {answer: func(s *watchStream) { s.open(); s.send(watch.Added, &corev1.SecretList{}) }, want: source.WatchInvalid},
		"a Secret without a version":    {answer: func(s *watchStream) { s.open(); s.send(watch.Added, &corev1.Secret{}) }, want: source.WatchInvalid},
		"a Secret of another namespace": {answer: func(s *watchStream) { s.open(); s.changed(watch.Added, "elsewhere", true) }, want: source.WatchInvalid, text: "not asked for"},
		"its deletion":                  {answer: func(s *watchStream) { s.open(); s.changed(watch.Deleted, "elsewhere", true) }, want: source.WatchInvalid, text: "not asked for"},
		"a Secret without the label":    {answer: func(s *watchStream) { s.open(); s.changed(watch.Modified, alertsNamespace, false) }, want: source.WatchInvalid, text: "not asked for"},
		"its deletion is an order":      {answer: func(s *watchStream) { s.open(); s.changed(watch.Deleted, alertsNamespace, false) }, want: source.WatchClosed},
		"an error that is none":         {answer: func(s *watchStream) { s.open(); s.changed(watch.Error, alertsNamespace, true) }, want: source.WatchInvalid, text: "not a change"},
		"a login page":                  {answer: func(s *watchStream) { answerBody(s.w, 200, "text/html", "<html>"+canary) }, want: source.WatchRefused, text: "text/html"},
		"401":                           {answer: func(s *watchStream) { answerStatus(s.w, 401, metav1.StatusReasonUnauthorized, "Unauthorized") }, want: source.WatchRefused},
		"403":                           {answer: func(s *watchStream) { answerStatus(s.w, 403, metav1.StatusReasonForbidden, "cannot watch") }, want: source.WatchForbidden, text: "cannot watch"},
		"404":                           {answer: func(s *watchStream) { answerBody(s.w, 404, "text/plain", canary) }, want: source.WatchForbidden},
		"429":                           {answer: func(s *watchStream) { s.w.Header().Set("Retry-After", "7"); answerBody(s.w, 429, "text/plain", canary) }, want: source.WatchRefused},
		"500":                           {answer: func(s *watchStream) { answerBody(s.w, 500, "text/plain", canary) }, want: source.WatchRefused},
		"a redirect":                    {answer: func(s *watchStream) { http.Redirect(s.w, s.r, "/"+canary, http.StatusFound) }, want: source.WatchRefused},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newTLSAPI(t)
			api.watch = c.answer
			k := newSource(t, kube.Config{REST: api.rest(), WatchLimit: c.limit})
			_, end := watchOnce(t, k)
			if end.End != c.want || !strings.Contains(end.Error(), c.text) || !strings.Contains(end.Error(), `watching Secrets in namespace "alerts"`) {
				t.Errorf("got %s: %v; want %s: …%s…", end.End, end, c.want, c.text)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %s", end, end.Err, end.Hint), canary) {
				t.Errorf("got an error with what the server sent: %v", end)
			}
			if name == "429" && end.RetryAfter != 7*time.Second {
				t.Errorf("got Retry-After %s, want 7s", end.RetryAfter)
			}
			if got := len(api.seen()); got != 1 {
				t.Errorf("got %d requests, want 1: to try again is the caller's decision", got)
			}
		})
	}
}

func TestWatchMayReceiveAnyAmount(t *testing.T) {
	large := targetSecrets(1)[0]
	large.Data["padding"] = make([]byte, 900<<10)
	api := newAPI(t)
	api.watch = func(s *watchStream) {
		s.open()
		for range 12 { // more than one answer may have
			s.secret(watch.Modified, large)
		}
	}
	if events, end := watchOnce(t, api.source(t)); len(events) != 13 || end.End != source.WatchClosed {
		t.Errorf("got %d events and %v, want 13 and the server's end", len(events), end)
	}
}

func TestWatchThatCannotConnectIsBroken(t *testing.T) {
	api := newAPI(t)
	k := api.source(t)
	api.Close()
	if _, end := watchOnce(t, k); end.End != source.WatchBroken || !strings.Contains(end.Hint, "nothing listens") {
		t.Errorf("got %s: %v (%s)", end.End, end, end.Hint)
	}
}

func TestWatchReturnsTheContextsError(t *testing.T) {
	api := newTLSAPI(t)
	api.watch = (*watchStream).openAndHang
	ctx, cancel := context.WithCancel(t.Context())
	err := api.source(t).Watch(ctx, alertsNamespace, "100", func(source.Event) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
