// Package auth_test asks a real API server about callers, as --auth kubernetes does.
package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kubeauth"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

const path = "/api/v2/publishing/targets/refresh"

func TestMain(m *testing.M) { controlplane.Main(m) }

// allow lets a service account use a verb on the path, as a person would with a ClusterRole.
func allow(t *testing.T, plane *controlplane.Plane, namespace, account, verb string) {
	t.Helper()
	name := namespace + "-" + account
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{{Verbs: []string{verb}, NonResourceURLs: []string{path}}}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account}},
	}
	rbac := plane.Admin().RbacV1()
	if _, err := rbac.ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rbac.ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(rbac.ClusterRoleBindings().Delete(ctx, name, metav1.DeleteOptions{}),
			rbac.ClusterRoles().Delete(ctx, name, metav1.DeleteOptions{})); err != nil {
			t.Error(err)
		}
	})
}

func newReviewer(t *testing.T, config *rest.Config) *kubeauth.Reviewer {
	t.Helper()
	reviewer, err := kubeauth.New(kubeauth.Config{REST: config, UserAgent: "refresh-sidecar/test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reviewer.Close)
	return reviewer
}

func TestReview(t *testing.T) {
	plane := controlplane.Get(t)
	namespace := plane.Namespace(t)
	allowed := plane.ServiceAccountToken(t, namespace, "allowed")
	allow(t, plane, namespace, "allowed", "post")
	type review struct {
		token, verb string
		want        error
		user        string
	}
	cases := map[string]review{
		"a service account with the right":     {allowed, "post", nil, "system:serviceaccount:" + namespace + ":allowed"},
		"the right is for another verb":        {allowed, "put", kubeauth.ErrNotAllowed, "system:serviceaccount:" + namespace + ":allowed"},
		"a user without the right":             {plane.User(t).Token, "post", kubeauth.ErrNotAllowed, ""},
		"an administrator":                     {plane.AdminUser().Token, "post", nil, ""},
		"a token that nobody knows":            {"nonsense", "post", kubeauth.ErrUnknownToken, ""},
		"an expired token":                     {plane.Expired(t, allowed, time.Hour), "post", kubeauth.ErrUnknownToken, ""},
		"a token for another audience":         {plane.ServiceAccountToken(t, namespace, "allowed", "vault"), "post", kubeauth.ErrUnknownToken, ""},
		"a token whose signature was tampered": {allowed[:len(allowed)-6] + "AAAAAA", "post", kubeauth.ErrUnknownToken, ""},
	}
	// Kubernetes' own role system:discovery gives every authenticated user the verb get on /api/*: reading the list of targets
	// with --auth kubernetes takes a valid token, but no role.
	cases["get is every user's by system:discovery"] = review{plane.ServiceAccountToken(t, namespace, "other"), "get", nil, "system:serviceaccount:" + namespace + ":other"}
	reviewer := newReviewer(t, plane.AdminConfig())
	awaitRight(t, plane, allowed)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			// Each from an address of its own, as unknown tokens from one are reviewed one a second.
			user, err := reviewer.Review(t.Context(), kubeauth.Question{Token: c.token, Verb: c.verb, Path: path, Address: name})
			if !errors.Is(err, c.want) {
				t.Fatalf("got %q, %v; want %v", user, err, c.want)
			}
			if c.user != "" && user != c.user {
				t.Errorf("got user %q, want %q", user, c.user)
			}
		})
	}
}

// awaitRight returns when the authorizer, which sees a new role with a delay, allows the token. Each question is asked by a new
// reviewer, which remembers no answer.
func awaitRight(t *testing.T, plane *controlplane.Plane, token string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := newReviewer(t, plane.AdminConfig()).Review(t.Context(), kubeauth.Question{Token: token, Verb: "post", Path: path})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestAReviewIsRememberedForTenSecondsEvenWhileTheAPIServerIsAway(t *testing.T) {
	private := controlplane.StartPrivate(t)
	reviewer := newReviewer(t, private.AdminConfig())
	if _, err := reviewer.Review(t.Context(), kubeauth.Question{Token: private.AdminUser().Token, Verb: "post", Path: path}); err != nil {
		t.Fatal(err)
	}
	if _, err := reviewer.Review(t.Context(), kubeauth.Question{Token: "nonsense", Verb: "post", Path: path}); !errors.Is(err, kubeauth.ErrUnknownToken) {
		t.Fatal(err)
	}
	if err := private.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := reviewer.Review(t.Context(), kubeauth.Question{Token: private.AdminUser().Token, Verb: "post", Path: path}); err != nil {
		t.Errorf("remembered: got %v", err)
	}
	if _, err := reviewer.Review(t.Context(), kubeauth.Question{Token: "nonsense", Verb: "post", Path: path}); !errors.Is(err, kubeauth.ErrUnknownToken) {
		t.Errorf("a refusal is remembered too: got %v", err)
	}
	_, err := reviewer.Review(t.Context(), kubeauth.Question{Token: private.AdminUser().Token, Verb: "get", Path: path})
	if fault, ok := errors.AsType[*source.Error](err); !ok || fault.Hint == "" {
		t.Errorf("asked while it is away: got %v, want an *Error with a hint", err)
	}
}

func TestAReviewerWithoutTheRightToReviewSaysSo(t *testing.T) {
	plane := controlplane.Get(t)
	reviewer := newReviewer(t, plane.Config(plane.User(t)))
	_, err := reviewer.Review(t.Context(), kubeauth.Question{Token: plane.AdminUser().Token, Verb: "post", Path: path})
	if fault, ok := errors.AsType[*source.Error](err); !ok || !fault.Denied {
		t.Errorf("got %v, want a denial", err)
	}
}
