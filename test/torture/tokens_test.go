package torture_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// tokenCaller calls the sidecar over connections of its own, from an address.
type tokenCaller struct {
	client *http.Client
	url    string
}

func newTokenCaller(t *testing.T, p *sidecar.Process, address string) *tokenCaller {
	t.Helper()
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext, MaxIdleConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	return &tokenCaller{&http.Client{Transport: transport}, p.URL + "/api/v2/publishing/targets"}
}

// list asks for the targets and returns the answer's code.
func (c *tokenCaller) list(ctx context.Context, token string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// countReviews passes everything on to the API server, after a while if it is the review of a random token, and counts those.
func countReviews(front *front, slow time.Duration) (reviews *atomic.Int64) {
	reviews = new(atomic.Int64)
	front.answer("", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tokenreviews") {
			body, err := io.ReadAll(r.Body)
			if err == nil && bytes.Contains(body, []byte("random-")) {
				reviews.Add(1)
				wait(r.Context(), slow)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		front.proxy.ServeHTTP(w, r)
	})
	return reviews
}

// wait returns after a while, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// TestAFloodOfRandomTokens has three hundred callers show one token after the other, while callers with good ones go on.
func TestAFloodOfRandomTokens(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]time.Duration{"quick reviews": 0, "slow reviews": during(3*time.Second, time.Second)} {
		t.Run(name, func(t *testing.T) {
			lasts := during(15*time.Second, 2*time.Second)
			f := begin(t, &fault{Area: "callers", Name: "random tokens, " + name,
				Made:  "--auth=kubernetes; 300 callers at one address show one random token after the other; reviews of those take " + slow.String(),
				Holds: "fewer than 10 reviews of random tokens a second; a caller at the same address whose token was reviewed before, and a new one at another, are answered"})
			plane := controlplane.Get(t)
			w := newWorld(t, plane)
			w.webhook("a", 0)
			w.access.token = plane.AdminUser().Token // who may create reviews
			front := newFront(t, w)
			reviews := countReviews(front, slow)
			p := w.start("--auth", "kubernetes")
			known, stranger := newTokenCaller(t, p, "127.0.0.1"), newTokenCaller(t, p, "127.0.0.3")
			expectCode(t, f, known, plane.AdminUser().Token, "the known caller before the flood")

			ctx, end := context.WithTimeout(t.Context(), lasts)
			defer end()
			begun := time.Now()
			var flood sync.WaitGroup
			var shown atomic.Int64
			for range 300 {
				caller := newTokenCaller(t, p, "127.0.0.1")
				flood.Go(func() {
					for ctx.Err() == nil {
						if _, err := caller.list(ctx, fmt.Sprint("random-", shown.Add(1))); err != nil {
							wait(ctx, 10*time.Millisecond)
						}
					}
				})
			}
			for ctx.Err() == nil {
				expectCode(t, f, known, plane.AdminUser().Token, "the known caller")
				expectCode(t, f, stranger, plane.User(t).Token, "a new caller")
				wait(ctx, time.Second)
			}
			flood.Wait()
			rate := float64(reviews.Load()) / time.Since(begun).Seconds()
			f.figure("%d tokens shown, %.1f reviews of them a second", shown.Load(), rate)
			if rate >= 10 {
				f.violation("got %.1f reviews of random tokens a second, want fewer than 10", rate)
			}
		})
	}
}

// expectCode expects a call to be answered with 200.
func expectCode(t *testing.T, f *fault, caller *tokenCaller, token, who string) {
	t.Helper()
	f.run()
	if code, err := caller.list(context.WithoutCancel(t.Context()), token); err != nil || code != http.StatusOK {
		f.violation("%s: got %d, %v, want 200", who, code, err)
	}
}
