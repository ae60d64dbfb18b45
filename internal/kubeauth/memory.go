package kubeauth

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// answerTTL is how long an answer of the API server counts: a caller that polls costs it six questions a minute.
	answerTTL = 10 * time.Second
	// acceptedTTL is how long a token that was accepted goes before others when it is reviewed again: as long as those of a ServiceAccount live.
	acceptedTTL = time.Hour
	// maxRemembered bounds each kind of memory. What was used least recently is forgotten first.
	maxRemembered = 1024
)

// errUnfinished is the verdict of a review that panicked.
var errUnfinished = errors.New("the review of the token was not finished")

// digest stands for a token, or for a token with what its owner wants to do.
type digest = [sha256.Size]byte

// memory is what the API server has said, and what it is being asked.
type memory struct {
	mu      sync.Mutex
	answers *simplelru.LRU[digest, *answer]   // settled ones, or such as are being asked for
	proven  *simplelru.LRU[digest, time.Time] // tokens that the API server has accepted, and until when that counts
}

// answer is what the API server says to one question. All but settled is written before settled is closed, and only read afterwards.
type answer struct {
	settled   chan struct{}
	user      string
	verdict   error
	abandoned bool      // whoever asked has gone: somebody else has to ask
	expires   time.Time // zero: it is told to those who wait, and not remembered
}

func newMemory() *memory {
	return &memory{answers: newLRU[*answer](), proven: newLRU[time.Time]()}
}

func newLRU[V any]() *simplelru.LRU[digest, V] {
	lru, err := simplelru.NewLRU[digest, V](maxRemembered, nil)
	if err != nil {
		panic(err) // of a size below 1
	}
	return lru
}

// join returns the answer to a question. If it is mine, the caller is to ask, and to settle it; otherwise it is settled, or will be.
func (m *memory) join(key digest) (a *answer, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := m.answers.Get(key); ok && (a.pending() || time.Now().Before(a.expires)) {
		return a, false
	}
	a = &answer{settled: make(chan struct{}), verdict: errUnfinished}
	m.answers.Add(key, a)
	return a, true
}

func (a *answer) pending() bool {
	select {
	case <-a.settled:
		return false
	default:
		return true
	}
}

// settle gives the answer to all who wait for it. Only what the API server said is remembered.
func (m *memory) settle(key digest, a *answer, abandoned bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if isVerdict(a.verdict) {
		a.expires = time.Now().Add(answerTTL)
	} else if current, ok := m.answers.Peek(key); ok && current == a {
		m.answers.Remove(key)
	}
	a.abandoned = abandoned && a.expires.IsZero()
	close(a.settled)
}

// accepted reports whether the API server has accepted the token lately.
func (m *memory) accepted(token digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.proven.Get(token)
	return ok && time.Now().Before(until)
}

// learn takes in what became of a token's review.
func (m *memory) learn(token digest, verdict error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case errors.Is(verdict, ErrUnknownToken):
		m.proven.Remove(token)
	case isVerdict(verdict):
		m.proven.Add(token, time.Now().Add(acceptedTTL))
	}
}

// isVerdict reports whether the API server has decided.
func isVerdict(err error) bool {
	return err == nil || errors.Is(err, ErrUnknownToken) || errors.Is(err, ErrNotAllowed)
}
