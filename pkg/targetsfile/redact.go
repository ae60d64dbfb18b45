package targetsfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// RedactError returns err without what is secret in a target: if err is or wraps an error of net/http or net/url, neither the text of the
// result nor what errors.As finds in it holds a URL's path or query or a header's value. The http.Client's errors quote the whole URL, and so do
// those of url.Parse, so each of them is to pass through here before it is logged or returned. Of an error of encoding/json, time or strconv
// that quotes a value the value is dropped.
//
// errors.Is answers as it did for err, Timeout too, and errors.As finds *[net.OpError], *[net.DNSError], the errors of crypto/tls and
// crypto/x509, and a *[url.Error] of which the URL is scheme and host. Errors that hold nothing secret are returned as they are. Of an
// error of the app's own around the others, what looks like a URL is cut to scheme and host, and the rest stays: RedactError cannot know a
// secret that an app formats by itself.
func RedactError(err error) error { return redact(err, false) }

// redact does the work of RedactError; isForeign says that err is a cause inside an error of net/http or net/url.
func redact(err error, isForeign bool) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *url.Error:
		return &url.Error{Op: e.Op, URL: redactedURL(e.URL), Err: redact(e.Err, true)}
	case *net.OpError:
		redacted := *e
		redacted.Err = redact(e.Err, isForeign)
		if redacted.Error() != e.Error() {
			return &redacted
		}
		return err
	case *json.UnmarshalTypeError:
		return withoutValue(err)
	case *time.ParseError:
		return &redactedError{text: "not a time of the form " + e.Layout, is: isOf(err)}
	case *strconv.NumError:
		return &redactedError{text: fmt.Sprintf("strconv.%s: %v", e.Func, e.Err), is: isOf(err)}
	}
	switch home := packageOf(err); {
	case home == "net", home == "syscall", strings.HasPrefix(home, "crypto/"): // these name hosts, addresses and certificates only
		return err
	case home == "net/textproto": // the error's text is a line of the answer
		return &redactedError{text: "malformed answer", is: isOf(err)}
	case strings.HasPrefix(home, "net/"):
		isForeign = true
	}
	text, causes, changed := redactCauses(err, isForeign)
	if !changed && text == err.Error() {
		return err
	}
	redacted := &redactedError{text: text, causes: causes, is: isOf(err)}
	if isTimeout(err) {
		return redactedTimeout{redacted}
	}
	return redacted
}

// redactCauses returns err's text with the texts of its causes redacted, the redacted causes, and whether redacting has changed any.
func redactCauses(err error, isForeign bool) (text string, causes []error, changed bool) {
	var out strings.Builder
	rest := err.Error()
	for _, cause := range unwrap(err) {
		if cause == nil {
			continue
		}
		redacted := redact(cause, isForeign)
		causes = append(causes, redacted)
		changed = changed || redacted.Error() != cause.Error()
		if before, after, found := strings.Cut(rest, cause.Error()); found {
			out.WriteString(scrub(before, isForeign))
			out.WriteString(redacted.Error())
			rest = after
		}
	}
	out.WriteString(scrub(rest, isForeign))
	return out.String(), causes, changed
}

// redactedError stands for an error that held something secret.
type redactedError struct {
	text   string
	causes []error
	is     func(target error) bool // errors.Is for the original error
}

// Error implements error.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the causes that hold nothing secret.
func (e *redactedError) Unwrap() []error { return e.causes }

// Is compares with the original error.
func (e *redactedError) Is(target error) bool { return e.is(target) }

// redactedTimeout is a redactedError that is a net.Error, too. A plain redactedError has no such methods, so that errors.As finds those of its
// causes.
type redactedTimeout struct{ *redactedError }

// Timeout implements [net.Error].
func (redactedTimeout) Timeout() bool { return true }

// Temporary implements [net.Error].
func (redactedTimeout) Temporary() bool { return true }

// isOf hides err in a function, so that errors.Is can compare with err and nothing can print it.
func isOf(err error) func(error) bool {
	return func(target error) bool { return errors.Is(err, target) }
}

func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// unwrap returns the errors that err wraps; some may be nil.
func unwrap(err error) []error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	}
	return nil
}

// packageOf returns the import path of err's type.
func packageOf(err error) string {
	typ := reflect.TypeOf(err)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return typ.PkgPath()
}

// hidden stands for what is not shown.
const hidden = "…"

// redactedURL returns what may be shown of the URL in an error of net/http or net/url. After a redirect the text can be a relative URL, or
// not a URL.
func redactedURL(text string) string {
	if public, ok := publicURL(text); ok {
		return public
	}
	return hidden
}

// publicURL returns scheme and host, such as "https://hooks.slack.com".
func publicURL(text string) (public string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}

// scrub cuts URLs in a text to scheme and host. With dropQuoted, for texts of the standard library, it also drops what stands in quotes: in
// quotes net/http and net/url show pieces of a URL, of a header and of an answer.
func scrub(text string, dropQuoted bool) string {
	if dropQuoted {
		text = scrubQuoted(text)
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "://")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		end := strings.IndexAny(after, " \t\r\n")
		if end < 0 {
			end = len(after)
		}
		link := strings.TrimRight(after[:end], `"':;,)`) // punctuation at the end belongs to the sentence, not to the URL
		host := link
		if i := strings.IndexAny(link, `/?#\"`); i >= 0 {
			host = link[:i]
		}
		host = host[strings.LastIndexByte(host, '@')+1:]
		out.WriteString("://" + host)
		text = after[len(link):]
	}
}

func scrubQuoted(text string) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return out.String() + text
		}
		out.WriteString(text[:i] + `"` + hidden + `"`)
		quoted, err := strconv.QuotedPrefix(text[i:])
		if err != nil { // the quotation does not end
			return out.String()
		}
		text = text[i+len(quoted):]
	}
}
