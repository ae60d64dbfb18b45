package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// ClientConfig says which API server a [Client] asks, as whom, and what it believes.
type ClientConfig struct {
	// REST is the API server and who asks it, as from [RESTConfig]; required. It is copied. Its Timeout, rate limit, warning handler
	// and content types are not used.
	REST      *rest.Config
	UserAgent string          // empty: refresh-sidecar
	Scheme    *runtime.Scheme // the kinds that are sent, and the only ones that are decoded; required
	MaxAnswer int64           // bytes of one answer that are read; required
}

// Client asks one API server. It is the only kind of client in this program, so that every request has the same safeguards:
//
//   - An answer is read up to a bound, and an error quotes only its public parts.
//   - A redirect is an answer and is not followed: client-go would send the token, and in a review the caller's token, wherever it points.
//   - A request is sent once. When to ask again is the caller's decision. (What net/http repeats is a request that a dying idle
//     connection never took.) There is no rate limit that waits, and no timeout but the context's, which would end a watch.
//   - client-go prints nothing: no warnings of the server, no bodies.
//
// It speaks protobuf and understands JSON. It is safe for concurrent use.
type Client struct {
	config     *rest.Config
	negotiator runtime.ClientNegotiator

	mu     sync.Mutex
	caFile string           // read again before each request; empty: the CA is part of the configuration, or the system's
	rest   *rest.RESTClient // for the CA of config
}

// coreV1 is the group and version of Secrets.
var coreV1 = schema.GroupVersion{Version: "v1"}

// NewClient prepares a client; it sends nothing.
func NewClient(c ClientConfig) (*Client, error) {
	if c.REST == nil || c.REST.Host == "" { // client-go would take an empty host for localhost
		return nil, errors.New("the address of the API server is missing")
	}
	cfg := c.restConfig()
	client := &Client{config: cfg, negotiator: runtime.NewClientNegotiator(cfg.NegotiatedSerializer, coreV1)}
	server, err := serverName(cfg.Host)
	if err != nil {
		return nil, err
	}
	if cfg.CAFile != "" && len(cfg.CAData) == 0 {
		client.caFile, cfg.CAFile = cfg.CAFile, ""
		if cfg.CAData, err = os.ReadFile(client.caFile); err != nil {
			return nil, fmt.Errorf("preparing the connection to %s: %w", server, err)
		}
	}
	client.rest, err = connect(cfg)
	return client, err
}

// connect returns a REST client with a transport of its own CA.
func connect(cfg *rest.Config) (*rest.RESTClient, error) {
	server, err := serverName(cfg.Host)
	if err != nil {
		return nil, err
	}
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %s: %w", server, err)
	}
	nameProxyRefusals(httpClient.Transport)
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := rest.RESTClientForConfigAndClient(cfg, httpClient)
	if err != nil {
		return nil, fmt.Errorf("preparing the client of %s: %w", server, err)
	}
	return client, nil
}

// current returns the REST client for the CA that is in its file now. client-go looks at the file every five minutes: after a rotation of
// the cluster's CA every request would fail until then. A file that cannot be used leaves things as they are.
func (c *Client) current() *rest.RESTClient {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caFile == "" {
		return c.rest
	}
	ca, err := os.ReadFile(c.caFile)
	if err != nil || len(ca) == 0 || bytes.Equal(ca, c.config.CAData) {
		return c.rest
	}
	cfg := rest.CopyConfig(c.config)
	cfg.CAData = ca
	renewed, err := connect(cfg)
	if err != nil {
		return c.rest
	}
	utilnet.CloseIdleConnectionsFor(c.rest.Client.Transport)
	c.config, c.rest = cfg, renewed
	return c.rest
}

func (c ClientConfig) restConfig() *rest.Config {
	metav1.AddToGroupVersion(c.Scheme, coreV1) // metav1.Status, the form of a refusal
	cfg := rest.CopyConfig(c.REST)
	cfg.APIPath = "/api"
	cfg.GroupVersion = &coreV1
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(c.Scheme).WithoutConversion()
	cfg.ContentType = runtime.ContentTypeProtobuf
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg.QPS, cfg.RateLimiter = -1, nil
	cfg.Timeout = 0
	cfg.WarningHandler, cfg.WarningHandlerWithContext = rest.NoWarnings{}, nil
	cfg.Proxy = noteProxy(cfg.Proxy)
	cfg.UserAgent = c.UserAgent
	if cfg.UserAgent == "" {
		cfg.UserAgent = "refresh-sidecar"
	}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return capTransport{next: next, limit: c.MaxAnswer} })
	return cfg
}

// request begins a request that is sent once.
func (c *Client) request(method string) *rest.Request { return c.current().Verb(method).MaxRetries(0) }

// Create posts obj to an absolute path and returns the answer, which is an object of the same kind. Whether it is about obj is for the caller
// to check. Every error is a [*source.Error].
func Create[T runtime.Object](ctx context.Context, c *Client, path string, obj T, about Call) (T, error) {
	return ask[T](ctx, c.request(http.MethodPost).AbsPath(path).Body(obj), about)
}

// ask sends a request and returns the answer if it is of kind T. Every error is a [*source.Error].
func ask[T runtime.Object](ctx context.Context, req *rest.Request, about Call) (T, error) {
	var none T
	ctx, answer := withAnswer(quiet(ctx))
	result := req.Do(ctx)
	if err := result.Error(); err != nil {
		return none, classify(withEnd(ctx, err), *answer, about)
	}
	// Get, not Into: Into takes a JSON object without a kind, such as {}, for what it is asked to decode.
	obj, err := result.Get()
	if got, ok := obj.(T); ok && err == nil {
		return got, nil
	}
	if _, ok := errors.AsType[*apierrors.StatusError](err); !ok {
		// The decoder's error is dropped, not wrapped: it can hold the whole body.
		err = foreignAnswer("the answer is not " + about.Answer)
	}
	return none, classify(err, *answer, about)
}

// Close closes the connections that are idle. It ends no call, and a call after it opens a connection again.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	utilnet.CloseIdleConnectionsFor(c.rest.Client.Transport)
}

// quiet keeps client-go from logging about a request: it prints whole bodies at verbosity 8, and an error for each answer that is cut.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, klog.New(nil)) }

// withEnd puts the end of ctx, if it has come, in front of the error that it led to, which may say something else: a dial that
// is cut off reports an I/O timeout, and a context's cause can be anything.
func withEnd(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
