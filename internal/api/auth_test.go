package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// authorizerFunc is a function that is an Authorizer.
type authorizerFunc func(context.Context, api.Credentials) (string, error)

func (f authorizerFunc) Authorize(ctx context.Context, c api.Credentials) (string, error) {
	return f(ctx, c)
}

// doorman knows two tokens: alice may do everything, bob nothing. Whoever brings "away" learns that he is not there, and with "many"
// that he is busy.
var doorman = authorizerFunc(func(_ context.Context, c api.Credentials) (string, error) {
	switch c.Token {
	case "alice-token":
		return "alice", nil
	case "bob-token":
		return "bob", fmt.Errorf("reviewing: %w", api.ErrForbidden)
	case "many":
		return "", fmt.Errorf("reviewing: %w", api.ErrTooManyUnknown)
	case "away":
		return "", errors.New("dialing the API server: connection refused")
	}
	return "", fmt.Errorf("reviewing: %w", api.ErrUnauthenticated)
})

func mustRequest(method, path string) *http.Request { return httptest.NewRequest(method, path, nil) }

// bearing returns the request with a token.
func bearing(token string, r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func guarded(t testing.TB, authorizer api.Authorizer) *harness {
	return newHarnessWith(t, func(c *api.Config) { c.Authorizer = authorizer })
}

func TestAuthorizationAnswers(t *testing.T) {
	body := func(code, message string) string {
		return fmt.Sprintf(`{"error":%q,"message":%q,"request_id":"req-1","instance":"alert-history-0"}`+"\n", code, message)
	}
	tests := []struct {
		name, token string
		code        int
		header      string
		body        string // empty: any
	}{
		{"none", "", 401, "Www-Authenticate: Bearer", body("unauthenticated", "This call needs a valid token in the header Authorization: Bearer")},
		{"unknown", "eve-token", 401, "Www-Authenticate: Bearer", body("unauthenticated", "This call needs a valid token in the header Authorization: Bearer")},
		{"forbidden", "bob-token", 403, "", body("forbidden", "The token's owner may not do this")},
		{"too many of them", "many", 429, "Retry-After: 1", body("too_many_unknown_tokens", "Too many unknown tokens were shown, this one was not looked at: try again later")},
		{"authorizer away", "away", 503, "Retry-After: 1", body("auth_unavailable", "Whether the token is valid cannot be found out at present")},
		{"valid", "alice-token", 0, "", ""},
	}
	for _, tt := range tests {
		for path, method := range map[string]string{refreshPath: http.MethodPost, targetsPath: http.MethodGet} {
			t.Run(tt.name+" "+path, func(t *testing.T) {
				h := guarded(t, doorman)
				asked := false
				h.refresh = func(string) (*targetsync.Run, error) { asked = true; return run(), nil }
				r := mustRequest(method, path)
				if tt.token != "" {
					bearing(tt.token, r)
				}
				w := h.do(r)
				want := tt.code
				if want == 0 {
					want = map[string]int{refreshPath: 202, targetsPath: 200}[path]
				}
				if w.Code != want || (tt.body != "" && w.Body.String() != tt.body) {
					t.Errorf("got %d %s, want %d %s", w.Code, w.Body, want, tt.body)
				}
				if name, value, _ := strings.Cut(tt.header, ": "); w.Header().Get(name) != value {
					t.Errorf("got headers %v, want %s", w.Header(), tt.header)
				}
				if tt.code != 0 && asked {
					t.Error("the engine was asked for a caller who is refused")
				}
			})
		}
	}
}

func TestOpenRoutesNeedNoToken(t *testing.T) {
	h := guarded(t, doorman)
	for path, want := range map[string]int{statusPath: 200, "/metrics": 200, "/healthz": 200, "/readyz": 200, "/nowhere": 404, refreshPath: 405} {
		if w := h.do(get(path)); w.Code != want {
			t.Errorf("GET %s: got %d, want %d", path, w.Code, want)
		}
	}
}

// TestAuthorizationComesFirst shows that a stranger learns nothing of the engine, nor whether his request was well formed.
func TestAuthorizationComesFirst(t *testing.T) {
	h := guarded(t, doorman)
	for _, refusal := range []error{busy(), &targetsync.RateLimitError{RetryAfter: time.Second}, targetsync.ErrNotStarted} {
		h.refuseWith(refusal)
		for _, r := range []*http.Request{post(""), post("nonsense"), mustRequest(http.MethodPost, refreshPath+"?nonsense")} {
			if w := h.do(r); w.Code != http.StatusUnauthorized {
				t.Errorf("%v: got %d, want 401", refusal, w.Code)
			}
		}
	}
}

func TestWhatIsNoBearerTokenIsNotShownToTheAuthorizer(t *testing.T) {
	h := guarded(t, authorizerFunc(func(_ context.Context, c api.Credentials) (string, error) {
		if c.Token != "a.B-1_~+/=" {
			t.Errorf("the authorizer saw %q", c.Token)
		}
		return "someone", nil
	}))
	tests := map[string]struct {
		values []string
		code   int
	}{
		"scheme in lower case":  {[]string{"bearer a.B-1_~+/="}, 202},
		"more than one blank":   {[]string{"Bearer   a.B-1_~+/="}, 202},
		"another scheme":        {[]string{"Basic a.B-1_~+/="}, 401},
		"no token":              {[]string{"Bearer"}, 401},
		"empty token":           {[]string{"Bearer "}, 401},
		"two tokens":            {[]string{"Bearer a b"}, 401},
		"two headers":           {[]string{"Bearer a.B-1_~+/=", "Bearer a.B-1_~+/="}, 401},
		"not ASCII":             {[]string{"Bearer é"}, 401},
		"a control character":   {[]string{"Bearer a\x7f"}, 401},
		"a token with a header": {[]string{"Bearer a\r\nX: y"}, 401},
	}
	for name, tt := range tests {
		r := post("")
		r.Header["Authorization"] = tt.values
		if w := h.do(r); w.Code != tt.code {
			t.Errorf("%s: got %d, want %d", name, w.Code, tt.code)
		}
	}
}

func TestAuthorizerLearnsWhatIsAsked(t *testing.T) {
	var got []string
	h := guarded(t, authorizerFunc(func(ctx context.Context, c api.Credentials) (string, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("got a context without a deadline")
		}
		got = append(got, fmt.Sprint(c), fmt.Sprintf("%#v", &c))
		return "", nil
	}))
	h.do(bearing("hunter2", post("")))
	h.do(bearing("hunter2", mustRequest(http.MethodHead, targetsPath+"?type=slack")))
	post, list := "POST "+refreshPath+" with a token", "GET "+targetsPath+" with a token"
	if diff := cmp.Diff([]string{post, post, list, list}, got); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

func TestAuditLineNamesTheUser(t *testing.T) {
	h := guarded(t, authorizerFunc(func(_ context.Context, c api.Credentials) (string, error) {
		if c.Token == "forbidden" {
			return "bob", api.ErrForbidden
		}
		return strings.Repeat("é", 200), nil
	}))
	h.do(bearing("hunter2", post("")))
	h.do(bearing("forbidden", post("")))
	h.do(post(""))
	var got []any
	for _, line := range h.log.take(t) {
		got = append(got, line["outcome"], line["user"])
	}
	if diff := cmp.Diff([]any{"accepted", strings.Repeat("é", 128), "forbidden", "bob", "unauthenticated", nil}, got); diff != "" {
		t.Errorf("outcomes and users (-want +got):\n%s", diff)
	}
}

func TestAuthorizerThatIsAwayDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := guarded(t, doorman)
		for range 5 {
			h.do(bearing("away", get(targetsPath)))
		}
		time.Sleep(10 * time.Second)
		h.do(bearing("away", get(targetsPath)))
		want := []map[string]any{
			{"level": "warn", "request_id": "req-1", "error": "dialing the API server: connection refused", "suppressed": 0.0},
			{"level": "warn", "request_id": "req-1", "error": "dialing the API server: connection refused", "suppressed": 4.0},
		}
		for _, line := range want {
			line["message"] = "a caller could not be authorized, requests that need it are refused"
		}
		if diff := cmp.Diff(want, h.log.take(t)); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

func TestShutdownEndsAnAuthorization(t *testing.T) {
	h := guarded(t, authorizerFunc(func(ctx context.Context, _ api.Credentials) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}))
	ctx, shutDown := context.WithCancelCause(t.Context())
	shutDown(api.ErrShuttingDown)
	w := h.do(bearing("alice-token", post("")).WithContext(ctx))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"shutting_down"`) {
		t.Errorf("got %d %s, want 503 shutting_down", w.Code, w.Body)
	}
}
