package kubeauth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

const (
	// The tokens that are reviewed though the API server has not accepted them lately: so many a second, of all callers and of one address.
	// One that turns out to be good takes two reviews, the others one.
	strangersRate    rate.Limit = 4
	strangersRateOf1 rate.Limit = 1
	// strangersBurst is how many may come at once, as when a sidecar starts that has regular callers.
	strangersBurst = 5
	// strangersPatience is how long a caller waits for its turn.
	strangersPatience = 2 * time.Second
	// maxAddresses is of how many addresses the rate is known.
	maxAddresses = 1024
)

// strangers bounds how many unknown tokens are reviewed.
type strangers struct {
	all *rate.Limiter

	mu sync.Mutex
	of *simplelru.LRU[string, *rate.Limiter] // by address
}

func newStrangers() *strangers {
	of, err := simplelru.NewLRU[string, *rate.Limiter](maxAddresses, nil)
	if err != nil {
		panic(err) // of a size below 1
	}
	return &strangers{all: rate.NewLimiter(strangersRate, strangersBurst), of: of}
}

// wait returns when an unknown token from an address may be reviewed, or ErrTooManyStrangers, at once, if that would take too long.
func (s *strangers) wait(ctx context.Context, address string) error {
	patience, cancel := context.WithTimeout(ctx, strangersPatience)
	defer cancel()
	for _, limiter := range []*rate.Limiter{s.from(address), s.all} {
		if err := limiter.Wait(patience); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("waiting to review a token: %w", ctx.Err())
			}
			return ErrTooManyStrangers
		}
	}
	return nil
}

// from returns the limiter of an address.
func (s *strangers) from(address string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	limiter, ok := s.of.Get(address)
	if !ok {
		limiter = rate.NewLimiter(strangersRateOf1, strangersBurst)
		s.of.Add(address, limiter)
	}
	return limiter
}
