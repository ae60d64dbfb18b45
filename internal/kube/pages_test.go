package kube_test

import (
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// An answer that does not come from an API server must not read as an empty list, and one read in part not as a short one.
func TestAnswersThatAreNoListOfSecrets(t *testing.T) {
	const (
		notAList  = "the answer is not a list of Secrets (application/json)"
		noVersion = "the answer is a list without a resourceVersion"
		json      = runtime.ContentTypeJSON
		proto     = runtime.ContentTypeProtobuf
		notProto  = "the answer is not a list of Secrets (application/vnd.kubernetes.protobuf)"
	)
	for _, tt := range []struct{ name, media, body, want string }{
		{"empty object", json, `{}`, notAList},
		{"no kind", json, `{"metadata":{"resourceVersion":"1"},"items":[]}`, notAList},
		{"null", json, `null`, notAList},
		{"array", json, `[]`, notAList},
		{"another list", json, `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`, notAList},
		{"another version", json, `{"kind":"SecretList","apiVersion":"v2","metadata":{"resourceVersion":"1"},"items":[]}`, notAList},
		{"one Secret", json, `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"1"}}`, notAList},
		{"a success", json, `{"kind":"Status","apiVersion":"v1","status":"Success"}`, notAList},
		{"no resourceVersion", json, `{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[]}`, noVersion},
		{"HTML", "text/html; charset=utf-8", `<html>log in</html>`, "the answer is not a list of Secrets (text/html)"},
		{"HTML that says JSON", json, `<html>log in</html>`, notAList},
		{"nothing", json, ``, notAList},
		{"no protobuf", proto, ``, notProto},
		{"half a document", json, `{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[`, notAList},
		{"half a protobuf", proto, "k8s\x00\n\x10\n\x02v1\x12\nSecr", notProto},
		{"nonsense for a type", "???", `{}`, "the answer is not a list of Secrets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(t)
			api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				answerBody(w, http.StatusOK, tt.media, tt.body)
				return true
			}
			k := api.source(t)
			listing, err := k.List(t.Context(), alertsNamespace)
			wantTransient(t, err, tt.want)
			_, err = k.Version(t.Context(), alertsNamespace)
			wantTransient(t, err, tt.want)
			if listing.Secrets != nil || listing.ResourceVersion != "" {
				t.Errorf("got a listing %+v beside the error", listing)
			}
		})
	}
}

// A server that answers another question must not have what nobody labelled published, nor what another namespace holds.
func TestSecretsThatWereNotAskedFor(t *testing.T) {
	for name, change := range map[string]func(s *corev1.Secret){
		"another namespace": func(s *corev1.Secret) { s.Namespace = "elsewhere" },
		"no namespace":      func(s *corev1.Secret) { s.Namespace = "" },
		"no name":           func(s *corev1.Secret) { s.Name = "" },
		"no label":          func(s *corev1.Secret) { s.Labels = nil },
		"another label":     func(s *corev1.Secret) { s.Labels["publishing-target"] = "false" },
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t)
			secrets := targetSecrets(3)
			change(&secrets[1])
			api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				page := &corev1.SecretList{ListMeta: metav1.ListMeta{ResourceVersion: "4711"}, Items: secrets}
				answerBody(w, http.StatusOK, runtime.ContentTypeProtobuf, string(api.encode(page, runtime.ContentTypeProtobuf)))
				return true
			}
			_, err := api.source(t).List(t.Context(), alertsNamespace)
			wantTransient(t, err, "the answer holds a Secret that was not asked for")
		})
	}
}

func wantTransient(t *testing.T, err error, text string) {
	t.Helper()
	e := asError(t, err)
	if got, want := e.Error(), `listing Secrets in namespace "alerts": `+text; got != want {
		t.Errorf("got error %q, want %q", got, want)
	}
	if e.Type != source.APIError || e.Permanent || e.Denied || e.RetryAfter != 0 || e.Hint == "" {
		t.Errorf("got %+v, want a transient k8s_api with a hint", e)
	}
}

func TestPagesThatDoNotBelongTogether(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(page *corev1.SecretList, token string)
		want   string
	}{
		{"later moment", func(page *corev1.SecretList, token string) {
			if token != "" {
				page.ResourceVersion = "4712"
			}
		}, "the pages of one list have different resourceVersions"},
		{"version lost", func(page *corev1.SecretList, token string) {
			if token != "" {
				page.ResourceVersion = ""
			}
		}, "the answer is a list without a resourceVersion"},
		{"same token again", func(page *corev1.SecretList, _ string) {
			page.Continue = "500"
		}, "the server returned the same continue token twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(t, targetSecrets(1_100)...)
			api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				page := api.page(r)
				tt.change(page, r.URL.Query().Get("continue"))
				answerBody(w, http.StatusOK, runtime.ContentTypeProtobuf, string(api.encode(page, runtime.ContentTypeProtobuf)))
				return true
			}
			_, err := api.source(t).List(t.Context(), alertsNamespace)
			wantTransient(t, err, tt.want)
			if got := len(api.seen()); got != 2 {
				t.Errorf("got %d requests, want 2", got)
			}
		})
	}
}

func TestFailureOnALaterPageFailsTheList(t *testing.T) {
	api := newAPI(t, targetSecrets(1_100)...)
	api.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 3 {
			answerStatus(w, http.StatusForbidden, metav1.StatusReasonForbidden, "secrets is forbidden")
		}
		return n == 3
	}
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if e := asError(t, err); !e.Denied {
		t.Errorf("got %+v, want it denied", e)
	}
	if listing.Secrets != nil {
		t.Errorf("got %d Secrets beside the error", len(listing.Secrets))
	}
}

// The page after a small one is on its way while that is decoded, and nobody waits for it once the list has failed. Beside a large page there
// would be no room for it.
func TestTheNextPageIsOnItsWay(t *testing.T) {
	for _, tt := range []struct {
		name       string
		annotation int
		want       int // requests that were seen, sooner or later
	}{
		{"after a small page", 0, 2},
		{"not after a large one", 3_000, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			secrets := targetSecrets(501)
			for i := range secrets {
				secrets[i].Annotations = map[string]string{"ballast": strings.Repeat("x", tt.annotation)}
			}
			secrets[499].Namespace = "elsewhere"
			api := newAPI(t)
			api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Has("continue") {
					<-r.Context().Done()
					return true
				}
				page := &corev1.SecretList{ListMeta: metav1.ListMeta{ResourceVersion: "4711", Continue: "500"}, Items: secrets[:500]}
				answerBody(w, http.StatusOK, runtime.ContentTypeProtobuf, string(api.encode(page, runtime.ContentTypeProtobuf)))
				return true
			}
			k, most := api.source(t), 0
			for range 30 { // the list may fail before the next request is sent
				before := len(api.seen())
				_, err := k.List(t.Context(), alertsNamespace)
				wantTransient(t, err, "the answer holds a Secret that was not asked for")
				if most = max(most, len(api.seen())-before); most == 2 {
					break
				}
			}
			if most != tt.want {
				t.Errorf("got %d requests of a list, want %d", most, tt.want)
			}
		})
	}
}

func TestSecretOutlivesItsPage(t *testing.T) {
	secrets := targetSecrets(600)
	for i := range secrets { // what a page carries beside the target
		secrets[i].Annotations = map[string]string{"ballast": strings.Repeat("x", 10_000)}
	}
	api := newAPI(t, secrets...)
	k := api.source(t)
	if _, err := k.List(t.Context(), alertsNamespace); err != nil { // fills the server's cache
		t.Fatal(err)
	}
	before := heapInUse()
	listing, err := k.List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	if got := heapInUse() - before; got > 2<<20 {
		t.Errorf("got %d bytes kept of a listing of 6 MB, want the targets alone", got)
	}
	wantEach(t, listing, secrets)
}
