// Package kubeauth asks an API server about callers, as --auth=kubernetes does: whose a bearer token is (TokenReview), and what its owner
// may do (SubjectAccessReview).
//
// It promises that an answer counts only if it is the one that an API server gives to this question: whatever else decodes neither admits a
// caller nor refuses one. An answer may be 10 s old.
package kubeauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

const (
	// reviewTTL is how long an answer of the API server counts: a caller that polls costs it six questions a minute.
	reviewTTL = 10 * time.Second
	// maxReviews bounds the cache, in which unknown tokens are, too.
	maxReviews = 1024
	// maxQuestions bounds how many callers are asked about at once.
	maxQuestions = 8
	// reviewTimeout bounds both questions about a caller together, and the wait for a turn.
	reviewTimeout = 5 * time.Second
	// maxAnswer is how many bytes of one answer are read. A user in 5 000 groups fits, and maxQuestions such answers fit the container's memory.
	maxAnswer = 256 << 10
)

// Verdicts of a [Reviewer] that refuse a caller. Every other error means that the API server could not be asked, or did not answer.
var (
	ErrUnknownToken = errors.New("the token is not one that the API server accepts")
	ErrNotAllowed   = errors.New("the user may not do this")
)

// Config says whom to ask.
type Config struct {
	REST      *rest.Config // the API server and who asks it, see [kube.ClientConfig]; required
	UserAgent string       // empty: refresh-sidecar
}

// Reviewer asks the API server who a bearer token belongs to, and whether that user may call a path. It is safe for concurrent use.
// It needs the right to create tokenreviews and subjectaccessreviews.
type Reviewer struct {
	client    *kube.Client
	questions chan struct{} // one place for each caller that is asked about

	mu    sync.Mutex                   // guards known
	known map[[sha256.Size]byte]review // by a hash of verb, path and token
}

// review is what the API server said about a caller and a path.
type review struct {
	user    string // empty: the token is not known
	verdict error  // nil: the user may
	expires time.Time
}

// New prepares a reviewer; it asks nothing yet.
func New(config Config) (*Reviewer, error) {
	client, err := kube.NewClient(kube.ClientConfig{REST: config.REST, UserAgent: config.UserAgent, Scheme: reviewScheme(), MaxAnswer: maxAnswer})
	if err != nil {
		return nil, err
	}
	return &Reviewer{client: client, questions: make(chan struct{}, maxQuestions), known: map[[sha256.Size]byte]review{}}, nil
}

// Review returns the user of a token who may use verb on a path. Answers, refusals included, count for 10 s.
//
// The error is [ErrUnknownToken] or [ErrNotAllowed], or says that the API server could not be asked or did not answer: then it is a
// [*source.Error] with a hint, unless ctx ended before the question. No error quotes the token.
func (r *Reviewer) Review(ctx context.Context, token, verb, path string) (user string, err error) {
	key := sha256.Sum256([]byte(verb + " " + path + " " + token))
	if known, ok := r.recall(key); ok {
		return known.user, known.verdict
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	select {
	case r.questions <- struct{}{}:
		defer func() { <-r.questions }()
	case <-ctx.Done():
		return "", fmt.Errorf("waiting to review a token: %w", ctx.Err())
	}
	if known, ok := r.recall(key); ok { // another caller asked meanwhile
		return known.user, known.verdict
	}
	fresh := review{expires: time.Now().Add(reviewTTL)}
	fresh.user, fresh.verdict = r.ask(ctx, token, verb, path)
	if fresh.verdict == nil || errors.Is(fresh.verdict, ErrUnknownToken) || errors.Is(fresh.verdict, ErrNotAllowed) {
		r.remember(key, fresh)
	}
	return fresh.user, fresh.verdict
}

func (r *Reviewer) recall(key [sha256.Size]byte) (review, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.known[key]
	return known, ok && time.Now().Before(known.expires)
}

func (r *Reviewer) remember(key [sha256.Size]byte, fresh review) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxReviews {
		clear(r.known)
	}
	r.known[key] = fresh
}

// Close closes the connections that are idle.
func (r *Reviewer) Close() { r.client.Close() }
