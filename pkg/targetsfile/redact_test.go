package targetsfile_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// sentinels and kinds are what a caller branches on.
func sentinels() []error {
	return []error{context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNREFUSED,
		http.ErrSchemeMismatch, errDrained}
}

func kinds(err error) map[string]bool {
	var timeout net.Error
	return map[string]bool{
		"timeout":     errors.As(err, &timeout) && timeout.Timeout(),
		"url":         errors.As(err, new(*url.Error)),
		"operation":   errors.As(err, new(*net.OpError)),
		"dns":         errors.As(err, new(*net.DNSError)),
		"certificate": errors.As(err, new(*tls.CertificateVerificationError)),
		"authority":   errors.As(err, new(x509.UnknownAuthorityError)),
	}
}

func TestRedactErrorHidesWhatTheStandardLibraryTells(t *testing.T) {
	told := 0
	for name, err := range failures(t) {
		if err == nil {
			t.Errorf("%s: got no error, want one", name)
			continue
		}
		if leaks(err.Error()) {
			told++
		}
		for how, err := range map[string]error{
			"itself":        err,
			"wrapped":       fmt.Errorf("posting to %q: %w", "slack-prod", err),
			"joined":        errors.Join(errors.New("first"), err),
			"wrapped badly": fmt.Errorf("posting to https://hooks.example%s: %w", secretPath, err),
		} {
			got := targetsfile.RedactError(err)
			if text := reachable(got); leaks(text) {
				t.Errorf("%s, %s: got %q, want no secret; all that is reachable:\n%s", name, how, got, text)
			}
			for _, sentinel := range sentinels() {
				if want := errors.Is(err, sentinel); errors.Is(got, sentinel) != want {
					t.Errorf("%s, %s: got %q, of which errors.Is %v does not say %t", name, how, got, sentinel, want)
				}
			}
			if got, want := kinds(got), kinds(err); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got kinds %v, want %v", name, how, got, want)
			}
		}
	}
	if told < 20 {
		t.Errorf("got %d errors that hold a secret before, want nearly all", told)
	}
}

// What an app may decode of FilterConfig and Extra with the standard library is as secret as they are.
func TestRedactErrorHidesWhatCouldNotBeRead(t *testing.T) {
	var when struct {
		T time.Time
		N int8
	}
	_, number := strconv.Atoi(secretPath)
	for want, err := range map[string]error{
		`not a time of the form 2006-01-02T15:04:05Z07:00`: json.Unmarshal([]byte(`{"t":"`+secretPath+`"}`), &when),
		`field N must be int8, is number`:                  json.Unmarshal([]byte(`{"N":314159}`), &when),
		`strconv.Atoi: invalid syntax`:                     number,
	} {
		got := targetsfile.RedactError(fmt.Errorf("reading the filter: %w", err))
		if text := reachable(got); leaks(text) || strings.Contains(text, "314159") || got.Error() != "reading the filter: "+want {
			t.Errorf("got %q, want %q; all that is reachable:\n%s", got, want, text)
		}
	}
}

func TestRedactErrorKeepsWhatHelps(t *testing.T) {
	failed := failures(t)
	for name, want := range map[string]string{
		"refused":        `Post "http://127.0.0.1:1": dial tcp 127.0.0.1:1: connect: connection refused`,
		"redirect loop":  `Post "…": stopped after 10 redirects`,
		"certificate":    `Post "https://127.0.0.1:1": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
		"cancelled":      `Post "http://127.0.0.1:1": context canceled`,
		"client timeout": `Post "http://127.0.0.1:1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
		"echoed status":  `Post "http://127.0.0.1:1": net/http: HTTP/1.x transport connection broken: malformed HTTP status code "…"`,
		"echoed header":  `Post "http://127.0.0.1:1": net/http: HTTP/1.x transport connection broken: malformed answer`,
		"bad escape":     `making a request to target slack-prod: parse "…": invalid URL escape "…"`,
	} {
		got := targetsfile.RedactError(failed[name]).Error()
		if got := anyPort(got); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	own := fmt.Errorf("queue %q is full", "a")
	if got := targetsfile.RedactError(own); got != own {
		t.Errorf("got %v, want the app's own error as it was", got)
	}
	if got := targetsfile.RedactError(nil); got != nil {
		t.Errorf("got %v for nil, want nil", got)
	}
}

// anyPort makes port 1 of each.
func anyPort(text string) string {
	parts := strings.Split(text, "127.0.0.1:")
	for i := range parts[1:] {
		parts[i+1] = "1" + strings.TrimLeft(parts[i+1], "0123456789")
	}
	return strings.Join(parts, "127.0.0.1:")
}

// reachable returns all texts that a program can get out of an error: by fmt, by its causes, and by reflection as dumpers do.
func reachable(err error) string {
	var all strings.Builder
	fmt.Fprintf(&all, "%v\n%+v\n%#v\n", err, err, err)
	walk(reflect.ValueOf(err), map[any]bool{}, &all)
	return all.String()
}

func walk(v reflect.Value, seen map[any]bool, out *strings.Builder) {
	switch v.Kind() {
	case reflect.String:
		fmt.Fprintln(out, v.String())
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		walk(v.Elem(), seen, out)
	case reflect.Interface:
		walk(v.Elem(), seen, out)
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), seen, out)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), seen, out)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			walk(key, seen, out)
			walk(v.MapIndex(key), seen, out)
		}
	}
}

// FuzzRedactError lets url.Parse and http.NewRequest fail over all kinds of URLs.
func FuzzRedactError(f *testing.F) {
	for _, seed := range []struct{ before, after string }{
		{"https://example.com/", ""}, {"https://example.com/%", "%zz"}, {"https://example.com:", "/"}, {"//", "\x00"}, {"::", "?a=b#c"},
		{"https://[::1]", "]/x"}, {"http://a b/", " "}, {"1https://x/", "\""},
	} {
		f.Add(seed.before, seed.after)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + canary + after
		if leaks(targetsfile.Target{URL: text}.Host()) {
			t.Skip("a host is public")
		}
		var failed []error
		_, err := url.Parse(text)
		failed = append(failed, err)
		_, err = url.ParseRequestURI(text)
		failed = append(failed, err)
		_, err = url.ParseQuery(text)
		failed = append(failed, err)
		request, err := targetsfile.Target{Name: "a", URL: text, Headers: map[string]string{"X": text}}.NewRequest(t.Context(), "POST", nil)
		failed = append(failed, err)
		if request != nil {
			_, err := (&http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, syscall.ECONNREFUSED
			}}}).Do(request) //nolint:bodyclose // there is no answer
			failed = append(failed, err)
		}
		for _, err := range failed {
			if got := targetsfile.RedactError(err); err != nil && leaks(reachable(got)) {
				t.Errorf("got %q of %q, want no secret", got, err)
			}
		}
	})
}
