package sidecar

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// CreateSecrets makes Secrets that yield a target each, of the same name: see [SecretName].
func CreateSecrets(t testing.TB, plane *controlplane.Plane, namespace string, count int) {
	t.Helper()
	var creating errgroup.Group
	creating.SetLimit(10)
	for i := range count {
		creating.Go(func() error {
			_, err := plane.Admin().CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: SecretName(i), Labels: map[string]string{"publishing-target": "true"}},
				StringData: map[string]string{"type": "webhook", "url": "https://hooks.example.com/services/T0000/B0000/0123456789abcdef",
					"headers": "X-Team=sre", "auth_token": "0123456789abcdef"},
			}, metav1.CreateOptions{})
			return err
		})
	}
	if err := creating.Wait(); err != nil {
		t.Fatal(err)
	}
}

// SecretName is the name of Secret number i.
func SecretName(i int) string { return fmt.Sprintf("t-%05d", i) }
