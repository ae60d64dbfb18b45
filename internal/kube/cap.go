package kube

import (
	"context"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxErrorBody is as much of an error's body as is read: its code counts, and a metav1.Status is much shorter.
const maxErrorBody = 64 << 10

// answer is what is public of a server's response, whatever becomes of its body. client-go drops most of it: the status code if the
// body is a metav1.Status of another one, and a Retry-After that is a date or stands beside such a body.
type answer struct {
	endless    bool          // the body of a watch is not cut, its events are bounded one by one
	asked      bool          // the request got as far as a connection
	proxy      string        // host and port of the proxy that a new connection goes through; empty: none
	limit      int64         // bytes of the body that are read
	code       int           // HTTP status; 0: no answer came
	mediaType  string        // Content-Type without parameters; empty: missing, or not well formed
	retryAfter time.Duration // wish of the server; 0: none
}

type answerKey struct{}

// withAnswer returns a context for one request, and where the public parts of its response will be.
func withAnswer(ctx context.Context) (context.Context, *answer) {
	a := &answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

// answerOf returns where the public parts of a request's response will be.
func answerOf(req *http.Request) *answer {
	if a, ok := req.Context().Value(answerKey{}).(*answer); ok {
		return a
	}
	return &answer{}
}

// capTransport cuts responses. It counts bytes after decompression, which is the http.Transport's.
type capTransport struct {
	next  http.RoundTripper
	limit int64 // bytes of a body that are read
}

// WrappedRoundTripper lets [k8s.io/apimachinery/pkg/util/net.CloseIdleConnectionsFor] find the http.Transport.
func (t capTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip implements [http.RoundTripper]. Reading a body past the limit is an [*http.MaxBytesError], at once where the server
// announced the length; an error's body just ends.
func (t capTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	a := answerOf(req)
	a.asked, a.limit = true, t.limit
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	a.code, a.mediaType, a.retryAfter = resp.StatusCode, mediaType(resp.Header), retryAfter(resp.Header, time.Now())
	if a.mediaType == "" { // client-go would report a malformed one as the server's answer 500
		resp.Header.Del("Content-Type")
	}
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
		resp.Body = cutBody{io.LimitReader(resp.Body, maxErrorBody), resp.Body}
	case a.endless:
	case resp.ContentLength > t.limit:
		resp.Body = http.MaxBytesReader(nil, resp.Body, 0)
	default:
		resp.Body = http.MaxBytesReader(nil, resp.Body, t.limit)
	}
	return resp, nil
}

type cutBody struct {
	io.Reader
	io.Closer
}

// mediaType returns the Content-Type without its parameters; empty unless it looks like one, because errors show it.
func mediaType(header http.Header) string {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || !strings.Contains(media, "/") || len(media) > 100 {
		return ""
	}
	return media
}

// retryAfter reads the header in both its forms, seconds and date. Nonsense is 0.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, min(date.Sub(now), math.MaxInt32*time.Second))
	}
	return 0
}
