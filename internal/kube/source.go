// Package kube finds Secrets through an API server. It is the only room that knows one: how it is found, asked and read, and what its
// errors mean.
package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Source finds Secrets through an API server. It is safe for concurrent use, and keeps nothing between calls but idle connections and
// what the last List of each namespace decoded.
type Source struct {
	client     *Client
	decoded    decoded
	selector   string          // as configured
	labels     labels.Selector // the selector, parsed
	watchLimit time.Duration
	silence    time.Duration
}

// Config says where the Secrets are.
type Config struct {
	REST          *rest.Config // the API server and who asks it, see [ClientConfig]; required
	UserAgent     string       // empty: refresh-sidecar
	LabelSelector string       // which Secrets count, see [ValidateSelector]; required

	WatchLimit time.Duration // how long one watch lasts at most; 0: 5 minutes
	Silence    time.Duration // how long an open watch may say nothing; 0: 3 minutes
}

// New prepares a source; it sends nothing. Its errors are faults of the configuration, all at once.
func New(config Config) (*Source, error) {
	client, err := NewClient(ClientConfig{REST: config.REST, UserAgent: config.UserAgent, Scheme: secretScheme(), MaxAnswer: maxPage})
	if selectorErr := ValidateSelector(config.LabelSelector); selectorErr != nil {
		err = errors.Join(err, fmt.Errorf("label selector: %w", selectorErr))
	}
	if err != nil {
		return nil, err
	}
	selects, err := labels.Parse(config.LabelSelector)
	if err != nil {
		return nil, err
	}
	return &Source{
		client: client, decoded: newDecoded(), selector: config.LabelSelector, labels: selects,
		watchLimit: cmp.Or(config.WatchLimit, watchLimit),
		silence:    cmp.Or(config.Silence, silenceLimit),
	}, nil
}

// lists reports whether a Secret is one of those that were asked for. A proxy that drops the query answers with what nobody labelled, and that
// must not be published.
func (k *Source) lists(obj *object, namespace string) bool {
	return isIn(obj, namespace) && k.labels.Matches(obj.selected())
}

// isIn reports whether a Secret has a name and is in the namespace. With "" any namespace will do.
func isIn(obj *object, namespace string) bool {
	return obj.Name != "" && obj.Namespace != "" && (namespace == "" || namespace == obj.Namespace)
}

// secretScheme knows Secrets and what an API server says beside them. client-go's own scheme would also link all 56 API groups: a binary
// of 28 MB instead of 17.
func secretScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(coreV1.WithKind("Secret"), &object{})
	scheme.AddKnownTypeWithName(coreV1.WithKind("SecretList"), &page{})
	metav1.AddToGroupVersion(scheme, coreV1)
	return scheme
}

// List reads the labelled Secrets of a namespace, or with "" of all namespaces, as they were at one moment. Every error is an
// [*source.Error], except that of a cancelled ctx, which is returned as it is. A deadline of ctx bounds the whole list, not a page.
func (k *Source) List(ctx context.Context, namespace string) (source.Listing, error) {
	now := k.decoded.list(k, namespace)
	version, err := k.eachPage(ctx, namespace, now)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return source.Listing{}, ctx.Err()
	case err != nil:
		return source.Listing{}, err
	}
	k.decoded.keep(now)
	return source.Listing{Namespace: namespace, ResourceVersion: version, Secrets: now.secrets}, nil
}

// Version returns the resourceVersion that a List would return now, for the price of one Secret. Its errors are those of List.
func (k *Source) Version(ctx context.Context, namespace string) (string, error) {
	p := pager{k: k, namespace: namespace, limits: []int{1}}
	page, err := p.next(ctx, "")
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return "", ctx.Err()
	case err != nil:
		return "", err
	}
	return page.ResourceVersion, nil
}

// Close closes the connections that are idle. It ends no call, and a call after it opens a connection again.
func (k *Source) Close() { k.client.Close() }
