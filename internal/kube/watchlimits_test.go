package kube_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// wire answers requests without a socket, which would stop the clock of a bubble. Serve writes the body of a 200; while it waits for open
// there is no answer.
type wire struct {
	opens time.Duration // after the request; negative: never
	serve func(ctx context.Context, body io.Writer)
}

// RoundTrip implements http.RoundTripper.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if w.opens < 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(w.opens)
	body, server := io.Pipe()
	context.AfterFunc(ctx, func() { _ = server.CloseWithError(ctx.Err()) })
	go w.serve(ctx, server)
	header := http.Header{"Content-Type": {runtime.ContentTypeJSON}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: body, Request: r}, nil
}

// WrappedRoundTripper is for who closes idle connections.
func (wire) WrappedRoundTripper() http.RoundTripper { return &http.Transport{} }

const bookmarkJSON = `{"type":"BOOKMARK","object":{"kind":"Secret","apiVersion":"v1","metadata":{"resourceVersion":"101"}}}` + "\n"

// bookmarks sends one every so often, n of them.
func bookmarks(n int, every time.Duration) func(context.Context, io.Writer) {
	return func(ctx context.Context, body io.Writer) {
		tick := time.NewTicker(max(every, 1))
		defer tick.Stop()
		for range n {
			select {
			case <-tick.C:
				_, _ = io.WriteString(body, bookmarkJSON)
			case <-ctx.Done():
				return
			}
		}
		<-ctx.Done()
	}
}

func TestWatchLimits(t *testing.T) {
	cases := map[string]struct {
		wire        wire
		want        source.WatchEnd
		from, until time.Duration // when it ends
	}{
		"it never opens":           {wire{opens: -1}, source.WatchBroken, 30 * time.Second, 30 * time.Second},
		"it opens late":            {wire{opens: 29 * time.Second, serve: bookmarks(0, 0)}, source.WatchQuiet, 209 * time.Second, 209 * time.Second},
		"it says nothing":          {wire{serve: bookmarks(0, 0)}, source.WatchQuiet, 3 * time.Minute, 3 * time.Minute},
		"it falls quiet":           {wire{serve: bookmarks(1, time.Minute)}, source.WatchQuiet, 4 * time.Minute, 4 * time.Minute},
		"the server never ends it": {wire{serve: bookmarks(100, time.Minute)}, source.WatchTimeout, 270 * time.Second, 330 * time.Second},
		"it is slow, but not dead": {wire{serve: bookmarks(100, 179*time.Second)}, source.WatchTimeout, 270 * time.Second, 330 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newSource(t, kube.Config{REST: &rest.Config{Host: "http://api", Transport: c.wire}})
				begun := time.Now()
				_, end := watchOnce(t, k)
				if took := time.Since(begun); end.End != c.want || took < c.from || took > c.until {
					t.Errorf("got %s after %s: %v; want %s after %s to %s", end.End, took, end, c.want, c.from, c.until)
				}
			})
		})
	}
}

func TestWatchIsStoppedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSource(t, kube.Config{REST: &rest.Config{Host: "http://api", Transport: wire{opens: -1}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if err := k.Watch(ctx, "", "1", func(source.Event) {}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("got %v after %s, want the context's end after 1s", err, time.Since(begun))
		}
	})
}
