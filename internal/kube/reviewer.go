package kube

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

const (
	// reviewTTL is how long an answer of the API server counts: a caller that polls costs it six questions a minute.
	reviewTTL = 10 * time.Second
	// maxReviews bounds the cache; tokens that nobody knows are cached too.
	maxReviews = 1024
	// maxQuestions bounds how many reviews are asked for at once.
	maxQuestions = 8
	// reviewTimeout is the patience for one review.
	reviewTimeout = 5 * time.Second
)

// Verdicts of a [Reviewer] that refuse a caller. Every other error means that the API server could not be asked.
var (
	ErrUnknownToken = errors.New("the token is not one that the API server accepts")
	ErrNotAllowed   = errors.New("the user may not do this")
)

// Reviewer asks the API server who a bearer token belongs to, and whether that user may call a path. It is safe for concurrent use.
// It needs the right to create tokenreviews and subjectaccessreviews.
type Reviewer struct {
	client    *rest.RESTClient
	questions chan struct{}

	mu    sync.Mutex // guards known
	known map[[sha256.Size]byte]review
}

// review is what the API server said.
type review struct {
	user    string
	verdict error
	expires time.Time
}

// NewReviewer prepares a reviewer; it asks nothing yet. The config is copied.
func NewReviewer(config *rest.Config, userAgent string) (*Reviewer, error) {
	scheme := runtime.NewScheme()
	authentication, authorization := authenticationv1.SchemeGroupVersion, authorizationv1.SchemeGroupVersion
	scheme.AddKnownTypes(authentication, &authenticationv1.TokenReview{})
	scheme.AddKnownTypes(authorization, &authorizationv1.SubjectAccessReview{})
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	cfg := rest.CopyConfig(config)
	cfg.APIPath, cfg.GroupVersion = "/apis", &authentication // each request names its path itself
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	cfg.ContentType, cfg.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	cfg.QPS, cfg.UserAgent = -1, userAgent
	cfg.WarningHandler, cfg.WarningHandlerWithContext = rest.NoWarnings{}, nil
	client, err := rest.RESTClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the client of %s: %w", cfg.Host, err)
	}
	return &Reviewer{client: client, questions: make(chan struct{}, maxQuestions), known: map[[sha256.Size]byte]review{}}, nil
}

// Review returns the user of a token who may use verb on a path, or [ErrUnknownToken], [ErrNotAllowed] or a failure to ask. Answers,
// refusals included, count for 10 s.
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

// ask makes both reviews.
func (r *Reviewer) ask(ctx context.Context, token, verb, path string) (string, error) {
	who := authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if err := r.create(ctx, "/apis/authentication.k8s.io/v1/tokenreviews", &who); err != nil {
		return "", fmt.Errorf("reviewing a token: %w", err)
	}
	if !who.Status.Authenticated {
		return "", ErrUnknownToken
	}
	user := who.Status.User
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for k, v := range user.Extra {
		extra[k] = authorizationv1.ExtraValue(v)
	}
	may := authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, Groups: user.Groups, UID: user.UID, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: verb},
	}}
	if err := r.create(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &may); err != nil {
		return "", fmt.Errorf("reviewing the rights of a user: %w", err)
	}
	if !may.Status.Allowed {
		return user.Username, ErrNotAllowed
	}
	return user.Username, nil
}

// create posts a review and decodes the answer into it. The error holds nothing of the body, which would hold the token.
func (r *Reviewer) create(ctx context.Context, path string, object runtime.Object) error {
	ctx, answer := withAnswer(quiet(ctx))
	err := r.client.Post().MaxRetries(0).AbsPath(path).Body(object).Do(ctx).Into(object)
	if err == nil {
		return nil
	}
	return classify(withEnd(ctx, err), call{verb: "review", answer: *answer})
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
func (r *Reviewer) Close() { utilnet.CloseIdleConnectionsFor(r.client.Client.Transport) }
