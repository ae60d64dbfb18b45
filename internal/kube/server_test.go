package kube_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

const alertsNamespace = "alerts"

// secretAPI answers LISTs of Secrets over a real connection, in pages, as protobuf or JSON, encoded by the API server's own code.
type secretAPI struct {
	*httptest.Server
	codecs  serializer.CodecFactory
	secrets []corev1.Secret
	// instead, if set, may answer request n (the first is 1) and return true.
	instead func(n int, w http.ResponseWriter, r *http.Request) bool
	// watch, if set, answers requests to watch, which end when it returns.
	watch func(s *watchStream)
	cache sync.Map // encoded pages

	mu       sync.Mutex
	requests []*http.Request
}

// newAPI serves the Secrets over plain HTTP.
func newAPI(tb testing.TB, secrets ...corev1.Secret) *secretAPI {
	tb.Helper()
	api := unstartedAPI(tb, secrets...)
	api.Start()
	return api
}

// newTLSAPI serves the Secrets over HTTPS and HTTP/2, like a real API server.
func newTLSAPI(tb testing.TB, secrets ...corev1.Secret) *secretAPI {
	tb.Helper()
	api := unstartedAPI(tb, secrets...)
	api.EnableHTTP2 = true
	api.StartTLS()
	return api
}

func unstartedAPI(tb testing.TB, secrets ...corev1.Secret) *secretAPI {
	tb.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		tb.Fatal(err)
	}
	api := &secretAPI{codecs: serializer.NewCodecFactory(scheme), secrets: secrets}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/secrets", api.list)
	mux.HandleFunc("GET /api/v1/namespaces/{namespace}/secrets", api.list)
	api.Server = httptest.NewUnstartedServer(mux)
	api.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes and handlers that are made to fail
	tb.Cleanup(func() { api.Close() })
	return api
}

func (api *secretAPI) list(w http.ResponseWriter, r *http.Request) {
	api.mu.Lock()
	api.requests = append(api.requests, r.Clone(r.Context()))
	n := len(api.requests)
	api.mu.Unlock()
	if api.instead != nil && api.instead(n, w, r) {
		return
	}
	if r.URL.Query().Get("watch") == "true" {
		api.watch(newWatchStream(api, w, r))
		return
	}
	media := runtime.ContentTypeJSON
	if strings.Contains(r.Header.Get("Accept"), runtime.ContentTypeProtobuf) {
		media = runtime.ContentTypeProtobuf
	}
	key := media + r.URL.String()
	body, ok := api.cache.Load(key)
	if !ok {
		body = api.encode(api.page(r), media)
		api.cache.Store(key, body)
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body.([]byte))
}

// page is the answer to a request: the continue token is the number of Secrets before the page.
func (api *secretAPI) page(r *http.Request) *corev1.SecretList {
	list := &corev1.SecretList{ListMeta: metav1.ListMeta{ResourceVersion: "4711"}}
	for _, secret := range api.secrets {
		if in := r.PathValue("namespace"); in == "" || in == secret.Namespace {
			list.Items = append(list.Items, secret)
		}
	}
	query := r.URL.Query()
	from, _ := strconv.Atoi(query.Get("continue"))
	limit, err := strconv.Atoi(query.Get("limit"))
	if to := from + limit; err == nil && to < len(list.Items) {
		list.Items, list.Continue = list.Items[:to], strconv.Itoa(to)
	}
	list.Items = list.Items[from:]
	return list
}

func (api *secretAPI) encode(obj runtime.Object, media string) []byte {
	info, _ := runtime.SerializerInfoForMediaType(api.codecs.SupportedMediaTypes(), media)
	body, err := runtime.Encode(api.codecs.EncoderForVersion(info.Serializer, corev1.SchemeGroupVersion), obj)
	if err != nil {
		panic(err)
	}
	return body
}

// seen returns the requests so far.
func (api *secretAPI) seen() []*http.Request {
	api.mu.Lock()
	defer api.mu.Unlock()
	return append([]*http.Request(nil), api.requests...)
}

// rest is the configuration of a client that trusts this server.
func (api *secretAPI) rest() *rest.Config {
	cfg := &rest.Config{Host: api.URL}
	if cert := api.Certificate(); cert != nil {
		cfg.CAData = pemOf(cert)
	}
	return cfg
}

func pemOf(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// source returns a source of the server, which is closed with the test.
func (api *secretAPI) source(tb testing.TB) *kube.Source {
	tb.Helper()
	return newSource(tb, kube.Config{REST: api.rest()})
}

// newSource returns a source, of targets unless the configuration says otherwise, which is closed with the test.
func newSource(tb testing.TB, config kube.Config) *kube.Source {
	tb.Helper()
	if config.LabelSelector == "" {
		config.LabelSelector = "publishing-target=true"
	}
	k, err := kube.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(k.Close)
	return k
}

// targetSecrets makes n Secrets, each with a target of about 300 bytes.
func targetSecrets(n int) []corev1.Secret {
	secrets := make([]corev1.Secret, n)
	for i := range secrets {
		name := fmt.Sprintf("target-%05d", i)
		secrets[i] = corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: alertsNamespace, Name: name, UID: types.UID("uid-" + name), ResourceVersion: strconv.Itoa(1000 + i),
				CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
				Labels:            map[string]string{"publishing-target": "true"},
			},
			Data: map[string][]byte{"config": fmt.Appendf(nil, `{"name":%q,"type":"webhook","url":"https://hooks.example.com/%s",`+
				`"headers":{"X-Team":"sre"},"filter_config":{"severity":["critical"]}}`, name, name)},
		}
	}
	return secrets
}

// answerStatus answers as the API server does when it refuses: with a metav1.Status.
func answerStatus(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Message: message, Reason: reason, Code: int32(code),
	})
}

// answerBody answers with any body.
func answerBody(w http.ResponseWriter, code int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}
