package torture_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestRightsComeAndGo takes the right to watch, then all rights, and gives them back.
func TestRightsComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	front := newFront(t, w)
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "rights", Name: "rights come and go", Made: "the Role loses watch, then list too, and gets both back, while a Secret changes and connections are cut",
		Holds: "without watch the periodic refresh goes on; without list the last snapshot stays, ready, and hint and class say what to do; then all is well again"})
	p := w.start()
	witness := attach(t, w.path, f, "a")
	for i := range times(5, 1) {
		w.plane.Grant(t, w.user, w.namespace, "list")
		front.CloseClientConnections()
		p.Until("has no watch", func() error {
			if following(p) == nil {
				return errors.New("it has")
			}
			return nil
		})
		w.webhook("a", 3*i+1)
		expectNumber(t, p, "a", 3*i+1)

		w.plane.Revoke(t, w.user, w.namespace)
		p.Until("is refused for good", func() error {
			if s := p.Status(); s.ErrorClass != "permanent" || !strings.Contains(s.Hint, "grant") {
				return fmt.Errorf("class %s, hint %q", s.ErrorClass, s.Hint)
			}
			return nil
		})
		expectReady(f, p)
		w.webhook("a", 3*i+2)

		w.plane.Grant(t, w.user, w.namespace, "list", "watch")
		expectNumber(t, p, "a", 3*i+2)
		p.Until("follows again", func() error { return following(p) })
		f.run()
	}
	witness.end()
}

// TestLeastPrivilege asks the API server what the ServiceAccount of deploy/pod-example.yaml may do, and runs the sidecar as it.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "rights", Name: "least privilege", Made: "the Role of deploy/pod-example.yaml for a ServiceAccount of its own, SelfSubjectRulesReview as it",
		Holds: "it may list and watch Secrets of its namespace and nothing else that an authenticated user may not, nothing in another namespace, and that is enough for the sidecar"})
	const account = "alert-history"
	token := w.plane.ServiceAccountToken(t, w.namespace, account)
	role := sidecar.ExampleRole(t)
	role.Namespace = w.namespace
	if _, err := w.admin.RbacV1().Roles(w.namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: w.namespace}}}
	if _, err := w.admin.RbacV1().RoleBindings(w.namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	me := controlplane.User{Name: account, Token: token}
	want := append(rulesOf(t, w, controlplane.User{Token: w.plane.ServiceAccountToken(t, w.namespace, "nobody")}, w.namespace), "list secrets", "watch secrets")
	slices.Sort(want)
	waitFor(t, time.Minute, "the Role is in effect", func() error {
		if got := rulesOf(t, w, me, w.namespace); !slices.Equal(got, want) {
			return fmt.Errorf("it may %q, want %q", got, want)
		}
		return nil
	})
	f.run()
	if got := rulesOf(t, w, me, "default"); slices.Contains(got, "list secrets") {
		f.violation("in another namespace it may %q", got)
	}
	f.run()
	w.user, w.access.token = me, token
	p := w.startFollower()
	w.webhook("a", 1)
	expectNumber(t, p, "a", 1)
	expectReady(f, p)
	f.run()
}

// rulesOf lists what a user may do with resources in a namespace, as kubectl auth can-i --list does.
func rulesOf(t *testing.T, w *world, user controlplane.User, namespace string) (rules []string) {
	t.Helper()
	client, err := kubernetes.NewForConfig(w.plane.Config(user))
	if err != nil {
		t.Fatal(err)
	}
	review, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(),
		&authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}, metav1.CreateOptions{})
	if err != nil || review.Status.Incomplete {
		t.Fatalf("asking for rules: %v, %+v", err, review)
	}
	for _, rule := range review.Status.ResourceRules {
		for _, verb := range rule.Verbs {
			for _, resource := range rule.Resources {
				rules = append(rules, verb+" "+resource)
			}
		}
	}
	slices.Sort(rules)
	return rules
}
