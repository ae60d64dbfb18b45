package kubeauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/alert-history/refresh-sidecar/internal/kubeauth"
)

// flood has callers at some addresses show one random token each, all at once, and returns how many were not looked at.
func flood(t *testing.T, reviewer *kubeauth.Reviewer, callers, addresses int) (unseen int64) {
	t.Helper()
	var refused atomic.Int64
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			_, err := reviewer.Review(t.Context(), kubeauth.Question{
				Token: fmt.Sprintf("random-%d", i), Verb: "post", Path: "/refresh", Address: fmt.Sprintf("192.0.2.%d", i%addresses),
			})
			switch {
			case errors.Is(err, kubeauth.ErrTooManyStrangers):
				refused.Add(1)
			case !errors.Is(err, kubeauth.ErrUnknownToken):
				t.Errorf("got %v for a random token", err)
			}
		})
	}
	group.Wait()
	return refused.Load()
}

// asks reviews the caller's token for a path of its own, which no memory has.
func asks(t *testing.T, reviewer *kubeauth.Reviewer, address, path string) {
	t.Helper()
	got, err := reviewer.Review(t.Context(), kubeauth.Question{Token: callersToken, Verb: "post", Path: path, Address: address})
	if got != user || err != nil {
		t.Errorf("the caller at %s: got %q, %v, want %q", address, got, err, user)
	}
}

func TestAFloodOfRandomTokensCostsTheAPIServerLittle(t *testing.T) {
	for _, addresses := range []int{1, 100} {
		t.Run(fmt.Sprint(addresses, " addresses"), func(t *testing.T) {
			api := newAPI(t)
			reviewer := api.reviewer(t)
			begun := time.Now()
			unseen := flood(t, reviewer, 1000, addresses)
			took := time.Since(begun)
			most := 5 + int(4*took.Seconds()) + 1
			if got := len(api.seen()); got > most || int(unseen) != 1000-got {
				t.Errorf("got %d reviews in %s, and %d tokens not looked at; want at most %d, and the rest", got, took, unseen, most)
			}
		})
	}
}

func TestValidCallersAreAnsweredDuringAFlood(t *testing.T) {
	api := newAPI(t)
	reviewer := api.reviewer(t)
	asks(t, reviewer, "192.0.2.0", "/first") // from the flood's own address, before it begins
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		flood(t, reviewer, 1000, 1)
	}()
	for i := 0; ; i++ {
		asks(t, reviewer, "192.0.2.0", fmt.Sprint("/", i))
		select {
		case <-flooded:
			flood(t, reviewer, 1000, 1)
			// Its token is as new as the flood's: only its address tells.
			again := api.reviewer(t)
			flood(t, again, 1000, 1)
			asks(t, again, "198.51.100.1", "/new")
			return
		default:
		}
	}
}

// TestSlowReviewsOfStrangersKeepNobodyWaiting has the API server take its time with random tokens.
func TestSlowReviewsOfStrangersKeepNobodyWaiting(t *testing.T) {
	api := newAPI(t)
	slow := make(chan struct{})
	api.token = func(r *authenticationv1.TokenReview) {
		if !r.Status.Authenticated {
			<-slow
		}
	}
	reviewer := api.reviewer(t)
	asks(t, reviewer, "192.0.2.0", "/first")
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		flood(t, reviewer, 300, 100)
	}()
	for i := range 20 {
		asks(t, reviewer, "192.0.2.0", fmt.Sprint("/", i))
	}
	select {
	case <-flooded:
		t.Error("got the flood at an end before the valid caller")
	default:
	}
	close(slow)
	<-flooded
}

func TestManyWithOneTokenAskOnce(t *testing.T) {
	api := newAPI(t)
	reviewer := api.reviewer(t)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { asks(t, reviewer, "192.0.2.1", "/refresh") })
	}
	group.Wait()
	if got := len(api.seen()); got != 2 {
		t.Errorf("got %d requests, want one for each review", got)
	}
}

// TestACallerWhoLeavesIsReplaced has the first of two callers with one token leave while the API server thinks.
func TestACallerWhoLeavesIsReplaced(t *testing.T) {
	api := newAPI(t)
	asked, first := make(chan struct{}), true
	api.instead = func(_ http.ResponseWriter, r *http.Request) bool {
		if !first {
			return false
		}
		first = false
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client has gone
		close(asked)
		<-r.Context().Done()
		return true
	}
	reviewer := api.reviewer(t)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	q := kubeauth.Question{Token: callersToken, Verb: "post", Path: "/refresh", Address: "192.0.2.1"}
	go func() {
		_, err := reviewer.Review(ctx, q)
		left <- err
	}()
	<-asked
	answered := make(chan error)
	go func() {
		_, err := reviewer.Review(t.Context(), q)
		answered <- err
	}()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left: got %v, want context.Canceled", err)
	}
	if err := <-answered; err != nil {
		t.Errorf("who stayed: got %v, want the answer", err)
	}
}

func TestTheLeastRecentAnswerIsForgottenFirst(t *testing.T) {
	const most = 1024
	api := newAPI(t)
	reviewer := api.reviewer(t)
	for i := range most + 1 {
		asks(t, reviewer, "192.0.2.1", fmt.Sprint("/", i))
	}
	before := len(api.seen())
	for i := most; i > most-100; i-- {
		asks(t, reviewer, "192.0.2.1", fmt.Sprint("/", i))
	}
	if got := len(api.seen()); got != before {
		t.Errorf("got %d requests about the latest questions, want their answers remembered", got-before)
	}
	asks(t, reviewer, "192.0.2.1", "/0")
	if got := len(api.seen()); got != before+2 {
		t.Errorf("got %d requests about the first question, want its answer forgotten", got-before)
	}
}
