package controlplane

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cleanupTimeout limits what is done after a test, when its own context has ended.
const cleanupTimeout = 2 * time.Minute // 10 000 Secrets are deleted under the load of other tests

// Namespace makes a namespace, named after the test with a random ending, and returns its name. It is removed with its
// Secrets and rights when t ends.
func (p *Plane) Namespace(t testing.TB) string {
	t.Helper()
	namespace, err := p.admin.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: namePrefix(t.Name())}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("controlplane: making a namespace: %v", err)
	}
	p.cleanup(t, func(ctx context.Context) error {
		return p.DeleteNamespace(ctx, namespace.Name)
	})
	return namespace.Name
}

// DeleteNamespace deletes a namespace that [Plane.Namespace] made, as the namespace controller would if there were one: with what tests
// put into it, which the API server alone would leave there. Once the namespace is being deleted, it lets nothing new in. That the
// namespace is gone already is no error.
func (p *Plane) DeleteNamespace(ctx context.Context, name string) error {
	now, all := metav1.DeleteOptions{}, metav1.ListOptions{}
	namespaces := p.admin.CoreV1().Namespaces()
	if err := namespaces.Delete(ctx, name, now); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("deleting namespace %s: %w", name, err)
	}
	if err := errors.Join(
		p.admin.CoreV1().Secrets(name).DeleteCollection(ctx, now, all),
		p.admin.RbacV1().RoleBindings(name).DeleteCollection(ctx, now, all),
		p.admin.RbacV1().Roles(name).DeleteCollection(ctx, now, all),
	); err != nil {
		return fmt.Errorf("emptying namespace %s: %w", name, err)
	}
	empty := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}} // no finalizers
	if _, err := namespaces.Finalize(ctx, empty, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("finalizing namespace %s: %w", name, err)
	}
	return nil
}

// cleanup undoes something after t, unless the whole control plane goes with t.
func (p *Plane) cleanup(t testing.TB, undo func(context.Context) error) {
	t.Helper()
	if p.disposable {
		return
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanupTimeout)
		defer cancel()
		if err := undo(ctx); err != nil {
			t.Errorf("controlplane: cleaning up: %v", err)
		}
	})
}

// namePrefix turns a test's name into the beginning of a name of Kubernetes (RFC 1123 label: at most 63 bytes).
func namePrefix(test string) string {
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(test), "-")
	const most = 40
	return "t-" + strings.Trim(name[:min(len(name), most)], "-") + "-"
}
