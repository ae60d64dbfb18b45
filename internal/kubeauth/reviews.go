package kubeauth

import (
	"context"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	tokenReviews  = "tokenreviews.authentication.k8s.io"
	accessReviews = "subjectaccessreviews.authorization.k8s.io"
)

func reviewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(authenticationv1.SchemeGroupVersion, &authenticationv1.TokenReview{})
	scheme.AddKnownTypes(authorizationv1.SchemeGroupVersion, &authorizationv1.SubjectAccessReview{})
	return scheme
}

// call is a review in the words of errors and hints: what is done, the resource to create, and the kind of the answer.
func call(doing, resource, kind string) kube.Call {
	return kube.Call{
		Doing: doing, Answer: kind,
		Hints: kube.Hints{
			Forbidden: fmt.Sprintf("grant the sidecar's ServiceAccount the verb create on %s and %s: bind the ClusterRole system:auth-delegator to it"+
				" with a ClusterRoleBinding; to check: kubectl auth can-i create %s --as=system:serviceaccount:NAMESPACE:NAME",
				tokenReviews, accessReviews, resource),
			Malformed: "the API server does not accept the review: look at its version, and at the webhooks that change such reviews",
		},
	}
}

// review makes both reviews.
func (r *Reviewer) review(ctx context.Context, q Question) (user string, err error) {
	owner, err := r.owner(ctx, q.Token)
	if err != nil {
		return "", err
	}
	return owner.Username, r.mayUse(ctx, owner, q.Verb, q.Path)
}

// owner asks whose the token is.
func (r *Reviewer) owner(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	about := call("reviewing the token of a caller", tokenReviews, "a TokenReview")
	asked := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	got, err := kube.Create(ctx, r.client, "/apis/authentication.k8s.io/v1/tokenreviews", asked, about)
	switch {
	case err != nil:
		return authenticationv1.UserInfo{}, err
	case got.Spec.Token != token:
		return authenticationv1.UserInfo{}, about.Reject("the answer is about another token")
	case got.Status.Authenticated && got.Status.User.Username == "":
		return authenticationv1.UserInfo{}, about.Reject("the answer names no user")
	case !got.Status.Authenticated && got.Status.Error == "":
		// An API server gives a reason with each refusal, "invalid bearer token" at least. Without one this may be the question, sent back.
		return authenticationv1.UserInfo{}, about.Reject("the answer neither says whose the token is nor why it is not accepted")
	case !got.Status.Authenticated:
		return authenticationv1.UserInfo{}, ErrUnknownToken
	}
	return got.Status.User, nil
}

// mayUse asks whether the user may use the verb on the path.
func (r *Reviewer) mayUse(ctx context.Context, user authenticationv1.UserInfo, verb, path string) error {
	about := call("reviewing the rights of a caller", accessReviews, "a SubjectAccessReview")
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for k, v := range user.Extra {
		extra[k] = authorizationv1.ExtraValue(v)
	}
	asked := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, Groups: user.Groups, UID: user.UID, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: verb},
	}}
	got, err := kube.Create(ctx, r.client, "/apis/authorization.k8s.io/v1/subjectaccessreviews", asked, about)
	switch {
	case err != nil:
		return err
	case got.Spec.User != user.Username, got.Spec.NonResourceAttributes == nil, *got.Spec.NonResourceAttributes != *asked.Spec.NonResourceAttributes:
		return about.Reject("the answer is about another question")
	case got.Status.Allowed && !got.Status.Denied:
		return nil
	case !got.Status.Denied && got.Status.EvaluationError != "":
		return &source.Error{
			Type: source.APIError, Err: errors.New(about.Doing + ": one of the API server's authorizers failed, and no other allows it"),
			Hint: "look at the API server's log, and at its authorization webhooks",
		}
	}
	return ErrNotAllowed
}
