package kubeauth_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
)

// status answers as the API server does when it refuses.
func status(code int, reason metav1.StatusReason, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		text, _ := json.Marshal(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Message: message, Reason: reason, Code: int32(code),
		})
		answer(w, code, runtime.ContentTypeJSON, string(text))
	}
}

// An operator learns what was asked and what to grant. No Secret is involved.
func TestErrorsSpeakOfReviews(t *testing.T) {
	page := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answer(w, code, "text/html", "<html>") }
	}
	const forbidden = `tokenreviews.authentication.k8s.io is forbidden: User "a" cannot create resource "tokenreviews"`
	for _, tt := range []struct {
		name       string
		handle     http.HandlerFunc
		text, hint string // parts of them
		denied     bool
	}{
		{"no right", status(http.StatusForbidden, metav1.StatusReasonForbidden, forbidden),
			"the server answered 403 Forbidden: " + forbidden, "system:auth-delegator", true},
		{"own token", status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"),
			"the server answered 401 Unauthorized", "this process", true},
		{"a webhook's change", status(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "no"), "422", "webhooks", false},
		{"a proxy's denial", page(http.StatusForbidden), "the server answered 403 Forbidden (text/html)", "server address", true},
		{"a proxy's page", page(http.StatusOK), "(text/html)", "server address", false},
		{"in trouble", status(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcd"),
			"the server answered 500 Internal Server Error", "/readyz", false},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the connection ended", "NetworkPolicy", false},
	} {
		for path, doing := range map[string]string{tokenPath: "reviewing the token of a caller: ", accessPath: "reviewing the rights of a caller: "} {
			t.Run(tt.name+" "+path, func(t *testing.T) {
				api := newAPI(t)
				api.only(path, tt.handle)
				_, err := review(t, api.reviewer(t), callersToken)
				failure := untold(t, err)
				if got := failure.Error(); !strings.HasPrefix(got, doing) || !strings.Contains(got, tt.text) {
					t.Errorf("got %q, want %q and %q", got, doing, tt.text)
				}
				if !strings.Contains(failure.Hint, tt.hint) || failure.Denied != tt.denied {
					t.Errorf("got hint %q and denied %t, want it to speak of %q", failure.Hint, failure.Denied, tt.hint)
				}
				if told := failure.Error() + failure.Hint; strings.Contains(told, "Secret") || strings.Contains(told, "secrets") || strings.Contains(told, "--label-selector") {
					t.Errorf("got %q, want nothing about Secrets", told)
				}
			})
		}
	}
}

func TestAHintNamesTheRightThatIsMissing(t *testing.T) {
	for path, resource := range map[string]string{
		tokenPath: "tokenreviews.authentication.k8s.io", accessPath: "subjectaccessreviews.authorization.k8s.io",
	} {
		api := newAPI(t)
		api.only(path, status(http.StatusForbidden, metav1.StatusReasonForbidden, "no"))
		_, err := review(t, api.reviewer(t), callersToken)
		if want := "kubectl auth can-i create " + resource; !strings.Contains(untold(t, err).Hint, want) {
			t.Errorf("got %q, want %q", untold(t, err).Hint, want)
		}
	}
}

// Neither token is told, whatever a server sends back, however much client-go is to log.
func TestErrorsHoldNothingOfAToken(t *testing.T) {
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	if err := errors.Join(flags.Set("v", "10"), flags.Set("logtostderr", "false"), flags.Set("stderrthreshold", "FATAL")); err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	klog.SetOutput(&logged)
	t.Cleanup(func() { _ = flags.Set("v", "0") })
	both := callersToken + ownToken
	for name, handle := range map[string]http.HandlerFunc{
		"as it should be":  nil,
		"a page":           func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "text/html", both) },
		"a strange type":   func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, both, both) },
		"a server's fault": status(http.StatusInternalServerError, metav1.StatusReasonInternalError, both),
		"a whim":           status(http.StatusForbidden, metav1.StatusReason(both), both),
		"another question": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, runtime.ContentTypeJSON, `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"`+both+`"}}`)
		},
	} {
		api := newAPI(t)
		if handle != nil {
			api.only(tokenPath, handle)
		}
		_, err := review(t, api.reviewer(t), callersToken)
		if (err == nil) != (handle == nil) {
			t.Errorf("%s: got error %v", name, err)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			encoded, _ := json.Marshal(err)
			if told := fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, encoded); strings.Contains(told, callersToken) || strings.Contains(told, ownToken) {
				t.Errorf("%s: got a token in %s", name, told)
			}
		}
		_, err = review(t, api.reviewer(t), "unknown-"+callersToken)
		if err == nil || strings.Contains(err.Error(), callersToken) {
			t.Errorf("%s: got %v, want an error without the token", name, err)
		}
	}
	klog.Flush()
	if text := logged.String(); strings.Contains(text, callersToken) || strings.Contains(text, ownToken) {
		t.Errorf("got a token in the log: %s", text)
	}
}
