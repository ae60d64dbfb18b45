package kube_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
)

// bodyCanary stands for what is secret of a Secret. It is in lower case, as a media type is when it is printed.
const bodyCanary = "xoxb-canary-7f3a"

// Whatever a server sends, a proxy's garbled copy of a LIST included, no part of it that could be a Secret's content is printed.
func TestErrorsHoldNothingOfABody(t *testing.T) {
	const list = `{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},` +
		`"items":[{"data":{"config":"` + bodyCanary + `"}}]}`
	as := func(code int, media, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { answerBody(w, code, media, body) }
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter)
	}{
		{"HTML as an error", as(http.StatusInternalServerError, "text/html", "<html>"+bodyCanary)},
		{"text as a denial", as(http.StatusForbidden, "text/plain", bodyCanary)},
		{"text as an unknown type", as(http.StatusUnsupportedMediaType, "text/plain", bodyCanary)},
		{"a list as an error", as(http.StatusServiceUnavailable, runtime.ContentTypeJSON, list)},
		{"HTML as a list", as(http.StatusOK, "text/html", "<html>"+bodyCanary)},
		{"text as JSON", as(http.StatusOK, runtime.ContentTypeJSON, bodyCanary)},
		{"JSON without a kind", as(http.StatusOK, runtime.ContentTypeJSON, `{"items":[{"data":{"config":"`+bodyCanary+`"}}]}`)},
		{"another kind", as(http.StatusOK, runtime.ContentTypeJSON, strings.Replace(list, "SecretList", bodyCanary, 1))},
		{"data that is not base64", as(http.StatusOK, runtime.ContentTypeJSON, list)},
		{"half a list", as(http.StatusOK, runtime.ContentTypeJSON, strings.TrimSuffix(list, `"}}]}`))},
		{"text as protobuf", as(http.StatusOK, runtime.ContentTypeProtobuf, "k8s\x00"+bodyCanary)},
		{"a strange type", as(http.StatusOK, bodyCanary, bodyCanary)},
		{"a list cut off", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			answerBody(w, http.StatusOK, runtime.ContentTypeJSON, list)
		}},
		{"no HTTP", func(w http.ResponseWriter) {
			hijacked(w, func(conn net.Conn) { _, _ = io.WriteString(conn, bodyCanary+"\r\n\r\n") })
		}},
		{"a strange header", func(w http.ResponseWriter) {
			hijacked(w, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+bodyCanary+"\r\n\r\n") })
		}},
		{"a long message", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusForbidden, metav1.StatusReasonForbidden, strings.Repeat("long ", 10_000)+bodyCanary)
		}},
		{"a server fault's message", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, bodyCanary)
		}},
		{"a strange reason's message", func(w http.ResponseWriter) {
			answerStatus(w, http.StatusForbidden, bodyCanary, bodyCanary)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			logged := captureLog(t)
			e, _ := refusal(t, tt.answer)
			for _, text := range printed(t, e) {
				if strings.Contains(text, bodyCanary) {
					t.Errorf("got the canary in %q", text)
				}
			}
			klog.Flush()
			if strings.Contains(logged.String(), bodyCanary) {
				t.Errorf("got the canary in the log: %s", logged)
			}
		})
	}
}

// printed is err in every way that a program might print it, link by link included.
func printed(t *testing.T, err error) []string {
	t.Helper()
	var texts []string
	for err != nil {
		encoded, jsonErr := json.Marshal(err)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		texts = append(texts, err.Error(), string(encoded))
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s"} {
			texts = append(texts, fmt.Sprintf(verb, err))
		}
		err = errors.Unwrap(err)
	}
	return texts
}

// captureLog turns everything on that client-go might log, and returns where it goes.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	t.Cleanup(klog.CaptureState().Restore)
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	for name, value := range map[string]string{"v": "10", "logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	klog.SetOutput(&log)
	klog.V(10).Info("captured")
	klog.Flush()
	if !strings.Contains(log.String(), "captured") {
		t.Fatal("the log is not captured")
	}
	return &log
}
