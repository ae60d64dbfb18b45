package sidecar_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

const refreshPath = "/api/v2/publishing/targets/refresh"

// bindCluster binds a user to a ClusterRole, for good: the control plane is the test's own.
func bindCluster(t *testing.T, plane *controlplane.Private, role, user string) {
	t.Helper()
	bindings := plane.Admin().RbacV1().ClusterRoleBindings()
	name := fmt.Sprintf("%s-%s", strings.ReplaceAll(role, ":", "-"), user)
	_, err := bindings.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheAPIServerDecidesWhoMayRefresh(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	w := newWorld(t, private.Plane)
	w.webhook("a")
	// Kubernetes' own role for who lets the API server decide: create tokenreviews and subjectaccessreviews.
	bindCluster(t, private, "system:auth-delegator", w.user.Name)
	operator, stranger := private.User(t), private.User(t)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "may-refresh"},
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"post"}, NonResourceURLs: []string{refreshPath}}}}
	if _, err := w.admin.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	bindCluster(t, private, "may-refresh", operator.Name)

	p := w.start("--auth", "kubernetes")
	p.Until("publishes", func() error { return ready(p) })
	p.Until("lets the operator refresh", func() error { // the authorizer sees a new role with a delay, and a refusal counts for 10 s
		p.Token = operator.Token
		code, body := p.Do(http.MethodPost, refreshPath+"?wait=10s")
		if code != http.StatusOK {
			return fmt.Errorf("got %d: %s", code, body)
		}
		return nil
	})
	for _, c := range []struct {
		who, token, method, path string
		code                     int
	}{
		{"the operator", operator.Token, http.MethodPost, refreshPath, http.StatusAccepted},
		{"a user without the right", stranger.Token, http.MethodPost, refreshPath, http.StatusForbidden},
		{"a user whom nobody knows", "nonsense", http.MethodPost, refreshPath, http.StatusUnauthorized},
		{"nobody", "", http.MethodPost, refreshPath, http.StatusUnauthorized},
		{"nobody", "", http.MethodGet, "/api/v2/publishing/targets", http.StatusUnauthorized},
		{"nobody", "", http.MethodGet, "/api/v2/publishing/targets/status", http.StatusOK},
	} {
		p.Until("is idle", func() error { return idle(p) })
		p.Token = c.token
		if code, body := p.Do(c.method, c.path); code != c.code {
			t.Errorf("%s: %s %s: got %d %s, want %d", c.who, c.method, c.path, code, body, c.code)
		}
	}
	p.Until("leaves audit lines", func() error {
		for _, line := range p.Logs("refresh requested") {
			if line["user"] == operator.Name && line["outcome"] == "accepted" {
				return nil
			}
		}
		return errors.New("none names the operator")
	})
	expectNoSecret(t, p, operator.Token)

	if err := private.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	p.Token = private.AdminUser().Token
	if code, body := p.Do(http.MethodPost, refreshPath); code != http.StatusServiceUnavailable || !strings.Contains(body, "auth_unavailable") {
		t.Errorf("with the API server away: got %d %s, want 503", code, body)
	}
	p.Until("says what to do", func() error {
		for _, line := range p.Logs("a caller could not be authorized, requests that need it are refused") {
			if text, _ := line["error"].(string); strings.Contains(text, "reviewing the token of a caller: ") && strings.Contains(text, "is the API server running") {
				return nil
			}
		}
		return errors.New("no line has a hint")
	})
}
