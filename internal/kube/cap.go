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

const (
	// maxPage is as much of one answer as is read. client-go reads an answer whole, and protobuf copies it before a Secret is decoded:
	// with this cap and the GOMEMLIMIT of deploy/pod-example.yaml 60 Secrets of 1 MiB fit its limit of 64 MiB (docs/reliability.md has the
	// figure), with one of 32 MiB they were seen to need 109 MB.
	maxPage = 8 << 20
	// maxErrorBody is as much of an error's body as is read: its code counts, and a metav1.Status is much shorter.
	maxErrorBody = 64 << 10
)

// answer is what is public of a server's response, whatever becomes of its body. client-go drops most of it: the status code if the
// body is a metav1.Status of another one, and a Retry-After that is a date or stands beside such a body.
type answer struct {
	endless    bool   // a watch: its body is not cut, its events are bounded one by one
	asked      bool   // false: the request did not get as far as a connection
	code       int    // 0: there was none
	mediaType  string // empty: none, or not well formed
	retryAfter time.Duration
}

type answerKey struct{}

// withAnswer returns a context whose request is read up to the caps, and where the public parts of its response will be. A request
// without it passes as it is.
func withAnswer(ctx context.Context) (context.Context, *answer) {
	a := &answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

// capTransport cuts responses. It sits next to the http.Transport, so that the bytes it counts are those after decompression.
type capTransport struct{ next http.RoundTripper }

// WrappedRoundTripper lets [k8s.io/apimachinery/pkg/util/net.CloseIdleConnectionsFor] find the http.Transport.
func (t capTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip implements [http.RoundTripper]. Reading a page past its cap is an [*http.MaxBytesError], at once where the server
// announced the length; an error's body just ends.
func (t capTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	a, ok := req.Context().Value(answerKey{}).(*answer)
	if !ok {
		return t.next.RoundTrip(req)
	}
	a.asked = true
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	*a = answer{endless: a.endless, asked: true, code: resp.StatusCode, mediaType: mediaType(resp.Header), retryAfter: retryAfter(resp.Header, time.Now())}
	if a.mediaType == "" { // client-go would report a malformed one as the server's answer 500
		resp.Header.Del("Content-Type")
	}
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
		resp.Body = cutBody{io.LimitReader(resp.Body, maxErrorBody), resp.Body}
	case a.endless:
	case resp.ContentLength > maxPage:
		resp.Body = http.MaxBytesReader(nil, resp.Body, 0)
	default:
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxPage)
	}
	return resp, nil
}

type cutBody struct {
	io.Reader
	io.Closer
}

// mediaType is the type without its parameters, if it looks like one: errors show it.
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
