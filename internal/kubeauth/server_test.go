package kubeauth_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kubeauth"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	tokenPath  = "/apis/authentication.k8s.io/v1/tokenreviews" // #nosec G101 -- a path
	accessPath = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

	// callersToken is in lower case, as a media type is when it is printed.
	callersToken = "caller-canary-7f3a"
	ownToken     = "sidecar-canary-9b1e"
	user         = "system:serviceaccount:ops:deployer"
)

// reviewAPI answers reviews over a real connection, encoded by the API server's own code: it knows callersToken, whose owner may do all.
type reviewAPI struct {
	*httptest.Server
	codecs serializer.CodecFactory
	// token and access, if set, may change what is answered.
	token  func(*authenticationv1.TokenReview)
	access func(*authorizationv1.SubjectAccessReview)
	// instead, if set, may answer a request and return true.
	instead func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []*http.Request
}

func newAPI(tb testing.TB) *reviewAPI {
	tb.Helper()
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	if err := errors.Join(authenticationv1.AddToScheme(scheme), authorizationv1.AddToScheme(scheme)); err != nil {
		tb.Fatal(err)
	}
	api := &reviewAPI{codecs: serializer.NewCodecFactory(scheme)}
	api.Server = httptest.NewUnstartedServer(api)
	api.Config.ErrorLog = log.New(io.Discard, "", 0) // handlers that are made to fail
	api.Start()
	tb.Cleanup(api.Close)
	return api
}

func (api *reviewAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	api.mu.Lock()
	api.requests = append(api.requests, r.Clone(r.Context()))
	api.mu.Unlock()
	if api.instead != nil && api.instead(w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	asked, _, err := api.codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		panic(err)
	}
	switch review := asked.(type) {
	case *authenticationv1.TokenReview:
		if review.Spec.Token == callersToken {
			review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{Username: user, Groups: []string{"ops"}}}
		} else {
			review.Status.Error = "[invalid bearer token, token lookup failed]"
		}
		if api.token != nil {
			api.token(review)
		}
	case *authorizationv1.SubjectAccessReview:
		review.Status.Allowed = true
		if api.access != nil {
			api.access(review)
		}
	}
	info, _ := runtime.SerializerInfoForMediaType(api.codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	text, err := runtime.Encode(api.codecs.EncoderForVersion(info.Serializer, asked.GetObjectKind().GroupVersionKind().GroupVersion()), asked)
	if err != nil {
		panic(err)
	}
	answer(w, http.StatusCreated, runtime.ContentTypeProtobuf, string(text))
}

// answer answers with any body.
func answer(w http.ResponseWriter, code int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}

// seen returns the requests so far.
func (api *reviewAPI) seen() []*http.Request {
	api.mu.Lock()
	defer api.mu.Unlock()
	return append([]*http.Request(nil), api.requests...)
}

// only has a handler answer the requests to one path.
func (api *reviewAPI) only(path string, handle http.HandlerFunc) {
	api.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == path {
			handle(w, r)
		}
		return r.URL.Path == path
	}
}

// reviewer returns a reviewer that asks the server, and is closed with the test.
func (api *reviewAPI) reviewer(tb testing.TB) *kubeauth.Reviewer {
	tb.Helper()
	reviewer, err := kubeauth.New(kubeauth.Config{REST: &rest.Config{Host: api.URL, BearerToken: ownToken}, UserAgent: "refresh-sidecar/1.2.3"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(reviewer.Close)
	return reviewer
}

func review(t *testing.T, reviewer *kubeauth.Reviewer, token string) (string, error) {
	t.Helper()
	return reviewer.Review(t.Context(), kubeauth.Question{Token: token, Verb: "post", Path: "/refresh", Address: "192.0.2.1"})
}

// untold fails the test unless err says that the answer is not known, which is never remembered.
func untold(t *testing.T, err error) *source.Error {
	t.Helper()
	if err == nil || errors.Is(err, kubeauth.ErrUnknownToken) || errors.Is(err, kubeauth.ErrNotAllowed) {
		t.Fatalf("got %v, want an error that neither admits nor refuses", err)
	}
	failure, ok := errors.AsType[*source.Error](err)
	if !ok || failure.Hint == "" {
		t.Fatalf("got %v (%T), want a *source.Error with a hint", err, err)
	}
	return failure
}
