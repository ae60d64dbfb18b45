// Package kubeauth asks an API server about callers, as --auth=kubernetes does: whose a bearer token is (TokenReview), and what its owner
// may do (SubjectAccessReview).
//
// It promises that an answer counts only if an API server gave it, and to this question: whatever else decodes refuses nobody and admits
// nobody. It promises no more freshness than [Reviewer.Review] says.
//
// Tokens that the API server has accepted within the last hour go before those that it has not: the latter are reviewed at a bounded rate, for
// each address and for all, so that who shows one random token after the other costs the API server little, and other callers nothing. A caller
// who is new, and shares an address with such a flood, may have to try again.
package kubeauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

const (
	// maxQuestions bounds how many reviews of known tokens are asked for at once.
	maxQuestions = 8
	// reviewTimeout bounds both questions about a caller together, and the wait for a turn.
	reviewTimeout = 5 * time.Second
	// maxAnswer is how many bytes of one answer are read. A user in 5 000 groups fits, and as many as are asked for at once fit the container's
	// memory.
	maxAnswer = 256 << 10
)

// Verdicts of a [Reviewer] that refuse a caller. Every other error but [ErrTooManyStrangers] means that the API server could not be asked, or
// did not answer.
var (
	ErrUnknownToken = errors.New("the token is not one that the API server accepts")
	ErrNotAllowed   = errors.New("the user may not do this")
)

// ErrTooManyStrangers says that the API server was not asked, because too many tokens came that it has not accepted before.
var ErrTooManyStrangers = errors.New("too many unknown tokens")

// Config says whom to ask.
type Config struct {
	REST      *rest.Config // the API server and who asks it, see [kube.ClientConfig]; required
	UserAgent string       // empty: refresh-sidecar
}

// Question is what is asked about a caller.
type Question struct {
	Token      string
	Verb, Path string // what the caller wants to do
	Address    string // where the caller is, without port; tokens that are not known are counted by it
}

// Reviewer asks the API server who a bearer token belongs to, and whether that user may call a path. It is safe for concurrent use.
// It needs the right to create tokenreviews and subjectaccessreviews.
type Reviewer struct {
	client    *kube.Client
	questions chan struct{} // one element per review of a known token
	strangers *strangers
	memory    *memory
}

// New prepares a reviewer; it asks nothing yet.
func New(config Config) (*Reviewer, error) {
	client, err := kube.NewClient(kube.ClientConfig{REST: config.REST, UserAgent: config.UserAgent, Scheme: reviewScheme(), MaxAnswer: maxAnswer})
	if err != nil {
		return nil, err
	}
	return &Reviewer{client: client, questions: make(chan struct{}, maxQuestions), strangers: newStrangers(), memory: newMemory()}, nil
}

// Review returns the user of a token who may use a verb on a path. Answers, refusals included, count for 10 s.
//
// The error is [ErrUnknownToken], [ErrNotAllowed] or [ErrTooManyStrangers], or says that the API server could not be asked or did not answer:
// then it is a [*source.Error] with a hint, or the end of ctx. None holds anything of the token.
func (r *Reviewer) Review(ctx context.Context, q Question) (user string, err error) {
	key := sha256.Sum256([]byte(q.Verb + " " + q.Path + " " + q.Token))
	for {
		answer, mine := r.memory.join(key)
		if mine {
			defer func() { r.memory.settle(key, answer, ctx.Err() != nil) }()
			answer.user, answer.verdict = r.ask(ctx, q)
			return answer.user, answer.verdict
		}
		select {
		case <-answer.settled:
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for the review of a token: %w", ctx.Err())
		}
		if !answer.abandoned {
			return answer.user, answer.verdict
		}
	}
}

// ask has the API server review the token, when it is its turn.
func (r *Reviewer) ask(ctx context.Context, q Question) (user string, err error) {
	token := sha256.Sum256([]byte(q.Token))
	known := r.memory.accepted(token)
	if !known {
		if err := r.strangers.wait(ctx, q.Address); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	if known {
		select {
		case r.questions <- struct{}{}:
			defer func() { <-r.questions }()
		case <-ctx.Done():
			return "", fmt.Errorf("waiting to review a token: %w", ctx.Err())
		}
	}
	user, err = r.review(ctx, q)
	r.memory.learn(token, err)
	return user, err
}

// Close closes the connections that are idle.
func (r *Reviewer) Close() { r.client.Close() }
