package sidecar

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// ExampleRole returns the Role of deploy/pod-example.yaml. It has one rule, about Secrets.
func ExampleRole(t testing.TB) *rbacv1.Role {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(), "deploy/pod-example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		role := &rbacv1.Role{}
		if !strings.Contains(document, "\nkind: Role\n") || yaml.UnmarshalStrict([]byte(document), role) != nil {
			continue
		}
		if len(role.Rules) != 1 || !slices.Equal(role.Rules[0].Resources, []string{"secrets"}) {
			t.Fatalf("got rules %+v, want one, of Secrets", role.Rules)
		}
		return role
	}
	t.Fatal("deploy/pod-example.yaml has no Role")
	return nil
}
