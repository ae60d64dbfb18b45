package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// BareList reads what List reads, with the same client and pages, and drops it: what a LIST costs before any decoding of ours.
func (k *Source) BareList(ctx context.Context, namespace string) (int, error) {
	count := 0
	_, err := k.eachPage(ctx, namespace, func(_ bool, page []corev1.Secret) { count += len(page) })
	return count, err
}
