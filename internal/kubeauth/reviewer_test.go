package kubeauth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kubeauth"
)

func TestReview(t *testing.T) {
	var asked authorizationv1.SubjectAccessReviewSpec
	api := newAPI(t)
	api.access = func(r *authorizationv1.SubjectAccessReview) { asked = r.Spec }
	reviewer := api.reviewer(t)
	for range 2 { // the second time from memory
		if got, err := review(t, reviewer, callersToken); got != user || err != nil {
			t.Fatalf("got %q, %v; want %q", got, err, user)
		}
	}
	requests := api.seen()
	if len(requests) != 2 || requests[0].URL.Path != tokenPath || requests[1].URL.Path != accessPath {
		t.Fatalf("got %d requests, want one for each review", len(requests))
	}
	for _, r := range requests {
		if r.Method != http.MethodPost || r.UserAgent() != "refresh-sidecar/1.2.3" || r.Header.Get("Authorization") != "Bearer "+ownToken {
			t.Errorf("got %s by %q, want the sidecar's own POST", r.Method, r.UserAgent())
		}
	}
	if asked.User != user || len(asked.Groups) != 1 || asked.NonResourceAttributes == nil ||
		*asked.NonResourceAttributes != (authorizationv1.NonResourceAttributes{Path: "/refresh", Verb: "post"}) {
		t.Errorf("got the question %+v, want one about the token's owner and the path", asked)
	}
}

func TestRefusalsAreRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		token    string
		access   func(*authorizationv1.SubjectAccessReview)
		want     error
		requests int
	}{
		"a token that nobody knows": {"nonsense", nil, kubeauth.ErrUnknownToken, 1},
		"no right":                  {callersToken, func(r *authorizationv1.SubjectAccessReview) { r.Status.Allowed = false }, kubeauth.ErrNotAllowed, 2},
		"denied": {callersToken, func(r *authorizationv1.SubjectAccessReview) {
			r.Status = authorizationv1.SubjectAccessReviewStatus{Denied: true, EvaluationError: "another authorizer failed"}
		}, kubeauth.ErrNotAllowed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t)
			api.access = c.access
			reviewer := api.reviewer(t)
			for range 2 {
				if _, err := review(t, reviewer, c.token); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			}
			if got := len(api.seen()); got != c.requests {
				t.Errorf("got %d requests, want %d", got, c.requests)
			}
		})
	}
}

// Whoever answers a redirect could admit anybody, and would have the caller's token and the sidecar's.
func TestARedirectIsNotFollowed(t *testing.T) {
	for _, path := range []string{tokenPath, accessPath} {
		for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			t.Run(path+" "+http.StatusText(code), func(t *testing.T) {
				elsewhere, api := newAPI(t), newAPI(t)
				api.only(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL+path, code) })
				_, err := review(t, api.reviewer(t), callersToken)
				if failure := untold(t, err); !strings.Contains(failure.Error(), http.StatusText(code)) {
					t.Errorf("got %q, want it to say %s", failure, http.StatusText(code))
				}
				if got := len(elsewhere.seen()); got != 0 {
					t.Errorf("got %d requests at the other server, want 0", got)
				}
			})
		}
	}
}

// endless writes until the client hangs up.
func endless(w http.ResponseWriter) {
	for piece := make([]byte, 64<<10); ; {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		header, value string
		code          int
		want          string
	}{
		"an endless answer":   {"X-A", "b", http.StatusCreated, "the answer is larger than 256 KiB"},
		"an announced answer": {"Content-Length", "262145", http.StatusCreated, "the answer is larger than 256 KiB"},
		"an endless refusal":  {"X-A", "b", http.StatusBadGateway, "the server answered 502 Bad Gateway"},
	} {
		for _, path := range []string{tokenPath, accessPath} {
			t.Run(name+" "+path, func(t *testing.T) {
				api := newAPI(t)
				api.only(path, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set(c.header, c.value)
					w.WriteHeader(c.code)
					endless(w)
				})
				_, err := review(t, api.reviewer(t), callersToken)
				if failure := untold(t, err); !strings.Contains(failure.Error(), c.want) {
					t.Errorf("got %q, want %q", failure, c.want)
				}
			})
		}
	}
}

func TestNothingIsAskedTwice(t *testing.T) {
	api := newAPI(t)
	api.only(tokenPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		answer(w, http.StatusTooManyRequests, "text/plain", "later")
	})
	_, err := review(t, api.reviewer(t), callersToken)
	untold(t, err)
	if got := len(api.seen()); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
}

func TestNewNeedsAnAddress(t *testing.T) {
	for name, config := range map[string]*rest.Config{"nothing": nil, "localhost is not meant": {}} {
		if _, err := kubeauth.New(kubeauth.Config{REST: config}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// What does not come from an API server, or is about something else, admits nobody and refuses nobody, and is asked again.
func TestAnswersThatProveNothing(t *testing.T) {
	const (
		json    = "application/json"
		tokens  = `"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"` + callersToken + `"}`
		rights  = `"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1"`
		noToken = "the answer is not a TokenReview"
		noRight = "the answer is not a SubjectAccessReview"
		silent  = "the answer neither says whose the token is nor why it is not accepted"
		another = "the answer is about another question"
	)
	spec := func(user, verb, path string) string {
		return `"spec":{"user":"` + user + `","nonResourceAttributes":{"verb":"` + verb + `","path":"` + path + `"}}`
	}
	for _, tt := range []struct{ name, path, media, body, want string }{
		{"an empty object", tokenPath, json, `{}`, noToken},
		{"a status without a kind", tokenPath, json, `{"status":{"authenticated":true,"user":{"username":"admin"}}}`, noToken},
		{"another kind", tokenPath, json, `{"kind":"Secret","apiVersion":"v1"}`, noToken},
		{"another version", tokenPath, json, strings.Replace(`{`+tokens+`,"status":{"error":"no"}}`, "/v1", "/v1beta1", 1), noToken},
		{"the other review", tokenPath, json, `{` + rights + `,"status":{"allowed":true}}`, noToken},
		{"a success", tokenPath, json, `{"kind":"Status","apiVersion":"v1","status":"Success"}`, noToken},
		{"HTML", tokenPath, "text/html", `<html>log in</html>`, noToken + " (text/html)"},
		{"HTML that says JSON", tokenPath, json, `<html>log in</html>`, noToken},
		{"nothing", tokenPath, json, ``, noToken},
		{"no status", tokenPath, json, `{` + tokens + `}`, silent},
		{"the question", tokenPath, json, `{` + tokens + `,"metadata":{},"status":{"user":{}}}`, silent},
		{"a user without a name", tokenPath, json, `{` + tokens + `,"status":{"authenticated":true,"user":{}}}`, "the answer names no user"},
		{"another token", tokenPath, json, strings.Replace(`{`+tokens+`,"status":{"authenticated":true,"user":{"username":"admin"}}}`, callersToken, "other", 1),
			"the answer is about another token"},
		{"another token's refusal", tokenPath, json, strings.Replace(`{`+tokens+`,"status":{"error":"invalid"}}`, callersToken, "other", 1),
			"the answer is about another token"},

		{"an empty object", accessPath, json, `{}`, noRight},
		{"a status without a kind", accessPath, json, `{"status":{"allowed":true}}`, noRight},
		{"no question", accessPath, json, `{` + rights + `,"status":{"allowed":true}}`, another},
		{"another user", accessPath, json, `{` + rights + `,` + spec("admin", "post", "/refresh") + `,"status":{"allowed":true}}`, another},
		{"another path", accessPath, json, `{` + rights + `,` + spec(user, "post", "/") + `,"status":{"allowed":true}}`, another},
		{"another verb", accessPath, json, `{` + rights + `,` + spec(user, "get", "/refresh") + `,"status":{"allowed":false}}`, another},
		{"an authorizer that failed", accessPath, json,
			`{` + rights + `,` + spec(user, "post", "/refresh") + `,"status":{"allowed":false,"evaluationError":"connection refused"}}`, "authorizers failed"},
	} {
		t.Run(tt.path+" "+tt.name, func(t *testing.T) {
			api := newAPI(t)
			api.only(tt.path, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, tt.media, tt.body) })
			reviewer := api.reviewer(t)
			_, err := review(t, reviewer, callersToken)
			if failure := untold(t, err); !strings.Contains(failure.Error(), tt.want) || failure.Permanent {
				t.Errorf("got %q, want it to say %q", failure, tt.want)
			}
			api.instead = nil
			if got, err := review(t, reviewer, callersToken); got != user || err != nil {
				t.Errorf("asked again: got %q, %v; want %q", got, err, user)
			}
		})
	}
}

// An API server sets the fields that are insisted on, whatever it says.
func TestAnAnswerMayHoldMore(t *testing.T) {
	api := newAPI(t)
	api.token = func(r *authenticationv1.TokenReview) { r.Status.Error = "one of two authenticators failed" }
	api.access = func(r *authorizationv1.SubjectAccessReview) {
		r.Status.EvaluationError, r.Spec.Groups = "one of two authorizers failed", append(r.Spec.Groups, "more")
	}
	if got, err := review(t, api.reviewer(t), callersToken); got != user || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, user)
	}
}
