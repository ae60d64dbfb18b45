// Package kube finds Secrets through an API server. It is the only room that knows one: how it is found, asked and read, and what its
// errors mean.
package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Source finds Secrets through an API server. It is safe for concurrent use, and keeps nothing between calls but idle connections and
// what the last List of each namespace decoded.
type Source struct {
	client     *rest.RESTClient
	decoded    decoded
	negotiator runtime.ClientNegotiator
	selector   string
	watchLimit time.Duration
	silence    time.Duration
}

// Config says where the Secrets are.
type Config struct {
	// REST is the API server and who asks it, as from [RESTConfig]; required. It is copied. Its Timeout, rate limit, warning handler
	// and content types are not used: see [New].
	REST          *rest.Config
	LabelSelector string // which Secrets count, see [ValidateSelector]; required
	UserAgent     string // empty: refresh-sidecar

	WatchLimit time.Duration // how long one watch lasts at most; 0: 5 minutes
	Silence    time.Duration // how long an open watch may say nothing; 0: 3 minutes
}

// clientConfig returns the configuration of a client that does what it is told, once: no waiting for a client-side rate limit, no printing
// of the server's warnings, and no http.Client.Timeout, which would end a watch. The context of each call is the only limit.
func (c Config) clientConfig() (*rest.Config, error) {
	if c.REST == nil || c.REST.Host == "" { // client-go would take an empty host for localhost
		return nil, errors.New("the address of the API server is missing")
	}
	cfg := rest.CopyConfig(c.REST)
	cfg.APIPath = "/api"
	cfg.GroupVersion = &corev1.SchemeGroupVersion
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(secretScheme()).WithoutConversion()
	cfg.ContentType = runtime.ContentTypeProtobuf
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg.QPS, cfg.RateLimiter = -1, nil
	cfg.Timeout = 0
	cfg.WarningHandler, cfg.WarningHandlerWithContext = rest.NoWarnings{}, nil
	cfg.UserAgent = c.UserAgent
	if cfg.UserAgent == "" {
		cfg.UserAgent = "refresh-sidecar"
	}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return capTransport{next} })
	return cfg, nil
}

// secretScheme knows Secrets and what an API server says beside them, so that no other kind decodes. client-go's own scheme would
// also link all 56 API groups: a binary of 28 MB instead of 17.
func secretScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Secret{}, &corev1.SecretList{})
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	return scheme
}

// New prepares a client; it sends nothing. Its errors are faults of the configuration, all at once.
//
// The client speaks protobuf (JSON is understood), has no rate limit and no timeout of its own, follows no redirect and repeats no
// request: when to try again is the caller's decision. (What net/http repeats is a request that a dying idle connection never took.)
func New(config Config) (*Source, error) {
	cfg, err := config.clientConfig()
	if selectorErr := ValidateSelector(config.LabelSelector); selectorErr != nil {
		err = errors.Join(err, fmt.Errorf("label selector: %w", selectorErr))
	}
	if err != nil {
		return nil, err
	}
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %s: %w", cfg.Host, err)
	}
	// client-go would follow a redirect and send the token along. An API server redirects no LIST; a login page does.
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := rest.RESTClientForConfigAndClient(cfg, httpClient)
	if err != nil {
		return nil, fmt.Errorf("preparing the client of %s: %w", cfg.Host, err)
	}
	return &Source{
		client: client, selector: config.LabelSelector,
		negotiator: runtime.NewClientNegotiator(cfg.NegotiatedSerializer, corev1.SchemeGroupVersion),
		watchLimit: cmp.Or(config.WatchLimit, watchLimit),
		silence:    cmp.Or(config.Silence, silenceLimit),
	}, nil
}

// List reads the labelled Secrets of a namespace, or with "" of all namespaces, as they were at one moment. Every error is an
// [*source.Error], except that of a cancelled ctx, which is returned as it is. A deadline of ctx bounds the whole list, not a page.
func (k *Source) List(ctx context.Context, namespace string) (source.Listing, error) {
	var secrets []source.Secret
	last := k.decoded.of(namespace)
	unread := last
	version, err := k.eachPage(ctx, namespace, func(first bool, page []corev1.Secret) {
		if first {
			secrets, unread = slices.Grow[[]source.Secret](nil, max(len(last), len(page))), last
		}
		for i := range page {
			var secret source.Secret
			secret, unread = decodeAgain(&page[i], unread)
			secrets = append(secrets, secret)
		}
	})
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return source.Listing{}, ctx.Err()
	case err != nil:
		return source.Listing{}, err
	}
	k.decoded.keep(namespace, secrets)
	return source.Listing{Namespace: namespace, ResourceVersion: version, Secrets: secrets}, nil
}

// Close closes the connections that are idle. It ends no call, and a call after it opens a connection again.
func (k *Source) Close() { utilnet.CloseIdleConnectionsFor(k.client.Client.Transport) }
