package torture_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// reply is a wrong answer, given in the place of the API server's.
type reply struct {
	name       string
	code       int
	header     map[string]string
	body       string
	cut        bool          // the connection is cut after the body
	permanent  bool          // the failure's class
	retryAfter time.Duration // the least wait of the sidecar: what the server asks for, capped at the interval
}

const (
	pageHTML   = "<html><head><title>Sign in</title></head><body>" + canaryBody + "</body></html>"
	canaryBody = "canary-of-an-answer"
	typeHTML   = "text/html; charset=utf-8"
	typeJSON   = "application/json"
	typeProto  = "application/vnd.kubernetes.protobuf"
	emptyList  = `{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`
)

// replies are the answers that a busy API server, a broken one, and what stands in front of it give. The sidecar's interval is answerInterval.
func replies() []reply {
	// The message of a 429 speaks about the request and is quoted. The details beside it, and messages about the server's own troubles, are not.
	busy := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"TooManyRequests","code":429,"message":"slow down","details":{"name":%q}}`, canaryBody)
	broken := func(code int, reason string) string {
		return fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":%q}`, reason, code, canaryBody)
	}
	after := func(value string) map[string]string {
		return map[string]string{"Retry-After": value, "Content-Type": typeJSON}
	}
	kind := func(value string) map[string]string { return map[string]string{"Content-Type": value} }
	return []reply{
		{name: "429", code: 429, header: kind(typeJSON), body: busy},
		{name: "429, Retry-After: 3", code: 429, header: after("3"), body: busy, retryAfter: 3 * time.Second},
		{name: "429, Retry-After: 2000000000", code: 429, header: after("2000000000"), body: busy, retryAfter: 4 * time.Second},
		{name: "429, Retry-After beyond 64 bits", code: 429, header: after(strings.Repeat("9", 40)), body: busy},
		{name: "429, Retry-After: -5", code: 429, header: after("-5"), body: busy},
		{name: "429, Retry-After: a date in 9999", code: 429, header: after("Fri, 31 Dec 9999 23:59:59 GMT"), retryAfter: 4 * time.Second},
		{name: "503", code: 503, header: kind(typeJSON), body: broken(503, "ServiceUnavailable")},
		{name: "503, Retry-After: 3", code: 503, header: after("3"), body: "busy", retryAfter: 3 * time.Second},
		{name: "503, HTML", code: 503, header: kind(typeHTML), body: pageHTML},
		{name: "500", code: 500, header: kind(typeJSON), body: broken(500, "InternalError")},
		{name: "200, HTML", code: 200, header: kind(typeHTML), body: pageHTML},
		{name: "200, HTML that says it is protobuf", code: 200, header: kind(typeProto), body: pageHTML},
		{name: "200, {}", code: 200, header: kind(typeJSON), body: "{}"},
		{name: "200, an empty list that says it is text", code: 200, header: kind("text/plain"), body: emptyList},
		{name: "200, nonsense as protobuf", code: 200, header: kind(typeProto), body: "k8s\x00" + strings.Repeat("\xff\x00", 5000)},
		{name: "200, half a list", code: 200, header: kind(typeJSON), body: emptyList[:60]},
		{name: "200, a list cut off", code: 200, header: kind(typeJSON), body: emptyList[:60], cut: true},
		{name: "200, nothing", code: 200, header: kind(typeJSON)},
		{name: "302 to a login page", code: 302, header: map[string]string{"Location": "/login?" + canaryBody, "Content-Type": typeHTML}, body: pageHTML},
		{name: "404, HTML", code: 404, header: kind(typeHTML), body: pageHTML, permanent: true},
		{name: "407, HTML", code: 407, header: kind(typeHTML), body: pageHTML},
	}
}

func (r reply) serve(w http.ResponseWriter, _ *http.Request) {
	for key, value := range r.header {
		w.Header().Set(key, value)
	}
	if r.cut {
		w.Header().Set("Content-Length", "100000")
	}
	w.WriteHeader(r.code)
	_, _ = io.WriteString(w, r.body)
	if r.cut {
		panic(http.ErrAbortHandler)
	}
}

// wait is the least time between two attempts: the backoff of the test is 1 s, its interval 4 s.
func (r reply) wait() time.Duration {
	if r.permanent {
		return 4 * time.Second
	}
	return max(time.Second, r.retryAfter)
}

const answerInterval = 4 * time.Second

// budget is how often a sidecar may ask while an outage of that length lasts: one LIST at its beginning, then one a wait. The watch is
// opened again 1, 2, 4 and 8 s after it failed, each up to half less, and then every 5 to 10 s. A check of the version may have been under
// way, and is then tried again like a LIST.
func budget(outage, wait time.Duration) asks {
	often := 1 + int(outage/wait)
	watches := 1
	for at, pause := time.Duration(0), 500*time.Millisecond; at+pause <= outage; pause = min(2*pause, 5*time.Second) {
		at += pause
		watches++
	}
	return asks{lists: often, checks: often, watches: watches}
}

// TestWrongAnswers puts wrong answers in the place of the API server's, as a broken one gives them, or a proxy in front of it.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	all := replies()
	if !*full {
		all = []reply{all[0], all[2], all[11]}
	}
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			testReply(t, r)
		})
	}
}
