package kube

import (
	"context"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// Bare lists Secrets with the same client and pages as a [Source], decodes them as client-go does, and drops them.
type Bare struct{ client *Client }

// NewBare returns a lister for the server of a configuration.
func NewBare(config Config) (*Bare, error) {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Secret{}, &corev1.SecretList{})
	client, err := NewClient(ClientConfig{REST: config.REST, Scheme: scheme, MaxAnswer: maxPage})
	return &Bare{client}, err
}

// Close closes idle connections.
func (b *Bare) Close() { b.client.Close() }

// List returns how many Secrets there are.
func (b *Bare) List(ctx context.Context, namespace string) (count int, err error) {
	for token := ""; ; {
		req := b.client.current().Get().Namespace(namespace).Resource("secrets").
			Param("labelSelector", "publishing-target=true").Param("limit", strconv.Itoa(pageLimits()[0]))
		if token != "" {
			req.Param("continue", token)
		}
		page, err := ask[*corev1.SecretList](ctx, req, callList(namespace))
		if err != nil {
			return 0, err
		}
		count += len(page.Items)
		if token = page.Continue; token == "" {
			return count, nil
		}
	}
}

// ReadSecret reads a Secret in protobuf as a watch or a LIST does.
func ReadSecret(text []byte) (*secret.Object, func(label string) (string, bool), error) {
	o := &object{}
	err := o.Unmarshal(text)
	return &o.Object, o.selected().Lookup, err
}
