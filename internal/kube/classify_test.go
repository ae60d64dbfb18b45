package kube_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// refusals are answers of an API server, and how each is classified.
func TestRefusals(t *testing.T) {
	const (
		transient = iota
		permanent
		denied
	)
	for _, tt := range []struct {
		code   int
		reason metav1.StatusReason
		class  int
		hint   string
	}{
		{http.StatusUnauthorized, metav1.StatusReasonUnauthorized, denied, "token"},
		{http.StatusForbidden, metav1.StatusReasonForbidden, denied,
			"kubectl auth can-i list secrets --namespace alerts --as=system:serviceaccount:NAMESPACE:NAME"},
		{http.StatusBadRequest, metav1.StatusReasonBadRequest, permanent, "--label-selector"},
		{http.StatusNotFound, metav1.StatusReasonNotFound, permanent, "server address"},
		{http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, permanent, "server address"},
		{http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable, permanent, "server address"},
		{http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType, permanent, "server address"},
		{http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, permanent, "--label-selector"},
		{http.StatusRequestTimeout, metav1.StatusReasonTimeout, transient, "server address"},
		{http.StatusConflict, metav1.StatusReasonConflict, transient, "server address"},
		{http.StatusGone, metav1.StatusReasonExpired, transient, "is it slow"},
		{http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, transient, "busy"},
		{http.StatusInternalServerError, metav1.StatusReasonInternalError, transient, "/readyz"},
		{http.StatusInternalServerError, metav1.StatusReasonServerTimeout, transient, "/readyz"},
		{http.StatusInternalServerError, metav1.StatusReasonStoreReadError, transient, "encryption key"},
		{http.StatusBadGateway, metav1.StatusReasonInternalError, transient, "/readyz"},
		{http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, transient, "/readyz"},
		{http.StatusGatewayTimeout, metav1.StatusReasonTimeout, transient, "/readyz"},
		{http.StatusTeapot, metav1.StatusReasonUnknown, transient, "server address"},
		{599, metav1.StatusReasonUnknown, transient, "/readyz"},
	} {
		for form, answer := range map[string]func(http.ResponseWriter){
			"status": func(w http.ResponseWriter) { answerStatus(w, tt.code, tt.reason, "a message") },
			"html":   func(w http.ResponseWriter) { answerBody(w, tt.code, "text/html", "<html>no</html>") },
		} {
			t.Run(fmt.Sprintf("%d %s as %s", tt.code, tt.reason, form), func(t *testing.T) {
				e, requests := refusal(t, answer)
				wantType := source.APIError
				if tt.code == http.StatusGatewayTimeout {
					wantType = source.TimeoutError
				}
				if e.Type != wantType || e.Permanent != (tt.class >= permanent) || e.Denied != (tt.class == denied) {
					t.Errorf("got type %s, permanent %t, denied %t, want %s, %t, %t",
						e.Type, e.Permanent, e.Denied, wantType, tt.class >= permanent, tt.class == denied)
				}
				if requests != 1 {
					t.Errorf("got %d requests, want 1", requests)
				}
				if form == "status" && !strings.Contains(e.Hint, tt.hint) {
					t.Errorf("got hint %q, want one about %q", e.Hint, tt.hint)
				}
				if e.Hint == "" {
					t.Error("got no hint")
				}
			})
		}
	}
}

// refusal returns the error that an answer leads to, and the number of requests it took.
func refusal(t *testing.T, answer func(http.ResponseWriter)) (*source.Error, int) {
	t.Helper()
	api := newAPI(t)
	api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		answer(w)
		return true
	}
	_, err := api.source(t).List(t.Context(), alertsNamespace)
	return asError(t, err), len(api.seen())
}

func TestTextOfARefusal(t *testing.T) {
	const forbidden = `secrets is forbidden: User "system:serviceaccount:a:b" cannot list resource "secrets" in API group "" ` +
		`in the namespace "alerts"`
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter)
		want   string
	}{
		{"the API server's message", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusForbidden, metav1.StatusReasonForbidden, forbidden)
		}, "the server answered 403 Forbidden: " + forbidden},
		{"a message that says nothing", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
		}, "the server answered 401 Unauthorized"},
		{"nothing of a stranger's page", func(w http.ResponseWriter) {
			answerBody(w, http.StatusForbidden, "text/html", "<html>blocked</html>")
		}, "the server answered 403 Forbidden (text/html)"},
		{"nothing of a message without a known reason", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusForbidden, "Whim", "as you like it")
		}, "the server answered 403 Forbidden"},
		{"nothing of a server fault's message", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, "unable to decode this object: …")
		}, "the server answered 500 Internal Server Error"},
		{"one line", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, "a\n\x1b[31mb\u202e\xff  c")
		}, "the server answered 400 Bad Request: a [31mb \ufffd c"},
		{"no more than 300 characters", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, strings.Repeat("é", 5000))
		}, "the server answered 400 Bad Request: " + strings.Repeat("é", 300) + "…"},
		{"a refusal sent as success", func(w http.ResponseWriter) {
			answerBody(w, http.StatusOK, runtime.ContentTypeJSON,
				`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"no","code":403}`)
		}, "the server answered 403 Forbidden: no"},
		{"the code of the response, not the body's", func(w http.ResponseWriter) {
			answerBody(w, http.StatusUnauthorized, runtime.ContentTypeJSON,
				`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","message":"no"}`)
		}, "the server answered 401 Unauthorized: no"},
		{"a code without a name", func(w http.ResponseWriter) {
			answerBody(w, 599, "text/html", "<html>")
		}, "the server answered 599 (text/html)"},
		{"a redirect is not followed", func(w http.ResponseWriter) {
			w.Header().Set("Location", "/login")
			answerBody(w, http.StatusFound, "text/html", "<html>")
		}, "the server answered 302 Found (text/html)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := refusal(t, tt.answer)
			if got, want := e.Error(), `listing Secrets in namespace "alerts": `+tt.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRefusalKeepsItsTypes(t *testing.T) {
	e, _ := refusal(t, func(w http.ResponseWriter) {
		answerStatus(w, http.StatusForbidden, metav1.StatusReasonForbidden, "no")
	})
	if !apierrors.IsForbidden(e) || apierrors.IsUnauthorized(e) {
		t.Errorf("got IsForbidden %t, IsUnauthorized %t, want true, false", apierrors.IsForbidden(e), apierrors.IsUnauthorized(e))
	}
}

func TestRefusalForAllNamespacesAsksForAClusterRole(t *testing.T) {
	api := newAPI(t)
	api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		answerStatus(w, http.StatusForbidden, metav1.StatusReasonForbidden, "no")
		return true
	}
	_, err := api.source(t).List(t.Context(), "")
	e := asError(t, err)
	if want := "listing Secrets in all namespaces: the server answered 403 Forbidden: no"; e.Error() != want {
		t.Errorf("got %q, want %q", e, want)
	}
	if !strings.Contains(e.Hint, "ClusterRole") || !strings.Contains(e.Hint, "--all-namespaces") {
		t.Errorf("got hint %q, want the ClusterRole and the check", e.Hint)
	}
}

func TestRetryAfter(t *testing.T) {
	status := func(code int, details string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			answerBody(w, code, runtime.ContentTypeJSON,
				fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d%s}`, code, details))
		}
	}
	html := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { answerBody(w, code, "text/html", "<html>") }
	}
	for _, tt := range []struct {
		name, header string
		answer       func(http.ResponseWriter)
		min, max     time.Duration
	}{
		{"a 429 that is no Status", "7", html(http.StatusTooManyRequests), 7 * time.Second, 7 * time.Second},
		{"a 503 that is no Status", "7", html(http.StatusServiceUnavailable), 7 * time.Second, 7 * time.Second},
		{"header beside a Status without it", "7", status(429, ``), 7 * time.Second, 7 * time.Second},
		{"Status without a header", "", status(503, `,"details":{"retryAfterSeconds":9}`), 9 * time.Second, 9 * time.Second},
		{"the longer of both", "7", status(429, `,"details":{"retryAfterSeconds":9}`), 9 * time.Second, 9 * time.Second},
		{"date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), html(503), 58 * time.Minute, time.Hour},
		{"date gone by", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), html(503), 0, 0},
		{"negative", "-5", html(503), 0, 0},
		{"negative in a Status", "", status(429, `,"reason":"ServerTimeout","details":{"retryAfterSeconds":-5}`), 0, 0},
		{"absurd", "99999999999999999999", html(503), 0, 0},
		{"nonsense", "soon", html(503), 0, 0},
		{"none", "", html(503), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, requests := refusal(t, func(w http.ResponseWriter) {
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				tt.answer(w)
			})
			if e.RetryAfter < tt.min || e.RetryAfter > tt.max {
				t.Errorf("got %v, want %v to %v", e.RetryAfter, tt.min, tt.max)
			}
			if requests != 1 {
				t.Errorf("got %d requests, want 1: nobody repeats them but the caller", requests)
			}
		})
	}
}
