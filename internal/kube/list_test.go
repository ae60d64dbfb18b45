package kube_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

func TestListReadsAllPages(t *testing.T) {
	api := newTLSAPI(t, targetSecrets(2_500)...)
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	if listing.Namespace != alertsNamespace || listing.ResourceVersion != "4711" {
		t.Errorf("got a listing of %q at %q, want %q at 4711", listing.Namespace, listing.ResourceVersion, alertsNamespace)
	}
	wantEach(t, listing, api.secrets)

	var queries []url.Values
	for _, r := range api.seen() {
		queries = append(queries, r.URL.Query())
		if want := "/api/v1/namespaces/alerts/secrets"; r.URL.Path != want {
			t.Errorf("got path %s, want %s", r.URL.Path, want)
		}
		if r.ProtoMajor != 2 {
			t.Errorf("got %s, want HTTP/2", r.Proto)
		}
	}
	query := func(token ...string) url.Values {
		v := url.Values{"limit": {"500"}, "labelSelector": {"publishing-target=true"}} // and no resourceVersion
		if token != nil {
			v["continue"] = token
		}
		return v
	}
	if diff := cmp.Diff([]url.Values{query(), query("500"), query("1000"), query("1500"), query("2000")}, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// wantEach fails the test unless the listing has each Secret once, in order, with its target and metadata.
func wantEach(t *testing.T, listing source.Listing, want []corev1.Secret) {
	t.Helper()
	if len(listing.Secrets) != len(want) {
		t.Fatalf("got %d Secrets, want %d", len(listing.Secrets), len(want))
	}
	for i, got := range listing.Secrets {
		w := want[i]
		if got.Key != w.Namespace+"/"+w.Name || got.UID != string(w.UID) || got.ResourceVersion != w.ResourceVersion ||
			!got.Created.Equal(w.CreationTimestamp.Time) || got.Entry == nil || got.Entry.Name != w.Name {
			t.Fatalf("got Secret %d %+v, want %s", i, got, w.Name)
		}
	}
}

func TestListUnderstandsJSON(t *testing.T) {
	api := newAPI(t, targetSecrets(3)...)
	api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		answerBody(w, http.StatusOK, runtime.ContentTypeJSON, string(api.encode(api.page(r), runtime.ContentTypeJSON)))
		return true
	}
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, api.secrets)
}

func TestListOfAllNamespaces(t *testing.T) {
	secrets := targetSecrets(2)
	secrets[1].Namespace = "elsewhere"
	api := newAPI(t, secrets...)
	k := api.source(t)
	listing, err := k.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, secrets)
	if got, want := api.seen()[0].URL.Path, "/api/v1/secrets"; got != want {
		t.Errorf("got path %s, want %s", got, want)
	}
	listing, err = k.List(t.Context(), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, secrets[1:])
}

func TestListOfNothingIsEmpty(t *testing.T) {
	listing, err := newAPI(t).source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	if want := (source.Listing{Namespace: alertsNamespace, ResourceVersion: "4711"}); !cmp.Equal(want, listing) {
		t.Errorf("got %+v, want %+v", listing, want)
	}
}

func TestRequestsSayWhoAsksAndForWhat(t *testing.T) {
	api := newAPI(t)
	cfg := api.rest()
	cfg.BearerToken = "t0ken"
	k := newSource(t, kube.Config{REST: cfg, LabelSelector: "team in (b,a), x", UserAgent: "refresh-sidecar/1.2.3"})
	if _, err := k.List(t.Context(), alertsNamespace); err != nil {
		t.Fatal(err)
	}
	r := api.seen()[0]
	got := []string{r.UserAgent(), r.Header.Get("Accept"), r.Header.Get("Authorization"), r.URL.Query().Get("labelSelector")}
	want := []string{"refresh-sidecar/1.2.3", "application/vnd.kubernetes.protobuf,application/json", "Bearer t0ken", "team in (b,a), x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// expire answers the request as an API server whose etcd has compacted the list's revision.
func expire(w http.ResponseWriter) bool {
	answerStatus(w, http.StatusGone, metav1.StatusReasonExpired, "The provided continue parameter is too old")
	return true
}

func TestListThatExpiresBeginsAnew(t *testing.T) {
	api := newAPI(t, targetSecrets(1_200)...)
	api.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		return n == 2 && expire(w)
	}
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, api.secrets)
	if got, want := requestedTokens(api), []string{"", "500", "", "500", "1000"}; !slices.Equal(got, want) {
		t.Errorf("got continue tokens %q, want %q", got, want)
	}
}

func requestedTokens(api *secretAPI) []string {
	var all []string
	for _, r := range api.seen() {
		all = append(all, r.URL.Query().Get("continue"))
	}
	return all
}

func TestListThatAlwaysExpiresFails(t *testing.T) {
	api := newAPI(t, targetSecrets(600)...)
	api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Query().Has("continue") && expire(w)
	}
	_, err := api.source(t).List(t.Context(), alertsNamespace)
	e := asError(t, err)
	if e.Permanent || e.Type != source.APIError {
		t.Errorf("got %+v, want a transient k8s_api", e)
	}
	if got := len(api.seen()); got != 8 {
		t.Errorf("got %d requests, want 8: a list and three restarts of two pages each", got)
	}
}

func TestListThatExpiresOnItsFirstPageFailsAtOnce(t *testing.T) {
	api := newAPI(t)
	api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool { return expire(w) }
	_, err := api.source(t).List(t.Context(), alertsNamespace)
	if asError(t, err); len(api.seen()) != 1 {
		t.Errorf("got %d requests, want 1: there was nothing to begin anew", len(api.seen()))
	}
}

func TestCancelledListReturnsTheContextsError(t *testing.T) {
	for name, page := range map[string]int{"first page": 1, "later page": 2} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			api := newTLSAPI(t, targetSecrets(600)...)
			api.instead = func(n int, _ http.ResponseWriter, r *http.Request) bool {
				if n < page {
					return false
				}
				cancel(errors.New("a cause that is not the error"))
				<-r.Context().Done()
				return true
			}
			listing, err := api.source(t).List(ctx, alertsNamespace)
			if err != context.Canceled { //nolint:errorlint // as it is, not wrapped
				t.Errorf("got %v (%T), want context.Canceled itself", err, err)
			}
			if listing.Secrets != nil || listing.ResourceVersion != "" {
				t.Errorf("got a listing at %q, want none", listing.ResourceVersion)
			}
		})
	}
}

func TestCloseLeavesNoConnection(t *testing.T) {
	for name, start := range map[string]func(testing.TB, ...corev1.Secret) *secretAPI{"http": newAPI, "https": newTLSAPI} {
		t.Run(name, func(t *testing.T) {
			api := start(t, targetSecrets(1)...)
			before := goleak.IgnoreCurrent()
			k := api.source(t)
			for range 2 { // a call after Close opens a connection again
				if _, err := k.List(t.Context(), alertsNamespace); err != nil {
					t.Fatal(err)
				}
				k.Close()
				goleak.VerifyNone(t, before)
			}
		})
	}
}

// asError fails the test unless err is an Error.
func asError(t *testing.T, err error) *source.Error {
	t.Helper()
	e, ok := errors.AsType[*source.Error](err)
	if !ok {
		t.Fatalf("got error %v (%T), want a *source.Error", err, err)
	}
	return e
}
