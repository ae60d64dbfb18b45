package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/kubernetes"
)

// The API server's authorizer follows Roles through a watch, so a change takes effect some milliseconds later.
const (
	rightsTimeout  = 10 * time.Second
	rightsInterval = 10 * time.Millisecond
)

// Grant lets the user do exactly these verbs with the namespace's Secrets, in place of what an earlier Grant let them
// do there, and returns when that is in effect. The right is taken back when t ends.
func (p *Plane) Grant(t testing.TB, user User, namespace string, verbs ...string) {
	t.Helper()
	for _, verb := range verbs {
		if !slices.Contains(secretVerbs(), verb) {
			t.Fatalf("controlplane: granting %q on Secrets: the verbs are %v", verb, secretVerbs())
		}
	}
	p.cleanup(t, func(ctx context.Context) error { return p.unbind(ctx, user, namespace) })
	if err := p.bind(t.Context(), user, namespace, verbs); err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	p.awaitRights(t, user, namespace, verbs)
}

// Revoke takes back what Grant gave, and returns when that is in effect.
func (p *Plane) Revoke(t testing.TB, user User, namespace string) {
	t.Helper()
	if err := p.unbind(t.Context(), user, namespace); err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	p.awaitRights(t, user, namespace, nil)
}

func secretVerbs() []string {
	return []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
}

// bind makes a Role and a RoleBinding of the user's name, or changes them.
func (p *Plane) bind(ctx context.Context, user User, namespace string, verbs []string) error {
	options := metav1.ApplyOptions{FieldManager: "controlplane", Force: true}
	role := rbacac.Role(user.Name, namespace).WithRules(
		rbacac.PolicyRule().WithAPIGroups("").WithResources("secrets").WithVerbs(verbs...))
	if _, err := p.admin.RbacV1().Roles(namespace).Apply(ctx, role, options); err != nil {
		return fmt.Errorf("making a role: %w", err)
	}
	binding := rbacac.RoleBinding(user.Name, namespace).
		WithRoleRef(rbacac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(user.Name)).
		WithSubjects(rbacac.Subject().WithAPIGroup(rbacv1.GroupName).WithKind(rbacv1.UserKind).WithName(user.Name))
	if _, err := p.admin.RbacV1().RoleBindings(namespace).Apply(ctx, binding, options); err != nil {
		return fmt.Errorf("binding a role: %w", err)
	}
	return nil
}

func (p *Plane) unbind(ctx context.Context, user User, namespace string) error {
	for _, err := range []error{
		p.admin.RbacV1().RoleBindings(namespace).Delete(ctx, user.Name, metav1.DeleteOptions{}),
		p.admin.RbacV1().Roles(namespace).Delete(ctx, user.Name, metav1.DeleteOptions{}),
	} {
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("taking a role back: %w", err)
		}
	}
	return nil
}

// awaitRights asks, as the user, until the authorizer allows these verbs and no others.
func (p *Plane) awaitRights(t testing.TB, user User, namespace string, verbs []string) {
	t.Helper()
	asUser := client(t, p.Config(user))
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), rightsInterval, rightsTimeout, true, func(ctx context.Context) (bool, error) {
		last = checkRights(ctx, asUser, namespace, verbs)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("controlplane: waiting for the rights of %s: %v", user.Name, errors.Join(err, last))
	}
}

func checkRights(ctx context.Context, asUser kubernetes.Interface, namespace string, verbs []string) error {
	for _, verb := range secretVerbs() {
		review, err := asUser.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Resource: "secrets",
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("reviewing the right to %s: %w", verb, err)
		}
		if want := slices.Contains(verbs, verb); review.Status.Allowed != want {
			return fmt.Errorf("right to %s: got %t, want %t", verb, review.Status.Allowed, want)
		}
	}
	return nil
}
