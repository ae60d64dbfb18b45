package kube

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// maxText bounds a quotation, in runes.
const maxText = 300

// describe says what went wrong with public facts only.
func describe(err error, code int, a answer, about Call) string {
	if code == 0 {
		text := describeConnection(err, a, about)
		if _, foreign := errors.AsType[foreignAnswer](err); foreign && a.mediaType != "" {
			text += " (" + clean(a.mediaType) + ")"
		}
		if a.proxy != "" && !strings.Contains(text, a.proxy) {
			text += ", through the proxy " + a.proxy
		}
		return text
	}
	name := http.StatusText(code)
	text := strings.TrimSpace(fmt.Sprintf("the server answered %d %s", code, name))
	switch message := statusMessage(err); {
	case message != "" && message != name: // a 401 says "Unauthorized" once more
		return text + ": " + message
	case apierrors.IsUnexpectedServerError(err) && a.mediaType != "":
		return text + " (" + clean(a.mediaType) + ")"
	}
	return text
}

// statusMessage is the API server's own message, if its reason is one that speaks about the request: the user, the resource or a
// parameter. The message of a server's fault is not
// shown: it may quote what the server stumbled over, such as an object in etcd.
func statusMessage(err error) string {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || apierrors.IsUnexpectedServerError(err) {
		return ""
	}
	switch status.ErrStatus.Reason {
	case metav1.StatusReasonUnauthorized, metav1.StatusReasonForbidden, metav1.StatusReasonNotFound,
		metav1.StatusReasonBadRequest, metav1.StatusReasonInvalid, metav1.StatusReasonMethodNotAllowed,
		metav1.StatusReasonNotAcceptable, metav1.StatusReasonUnsupportedMediaType,
		metav1.StatusReasonTooManyRequests, metav1.StatusReasonExpired, metav1.StatusReasonGone:
		return clean(status.ErrStatus.Message)
	}
	return ""
}

// describeConnection describes an error that is not a refusal. Only texts are quoted that name addresses, certificates and system calls.
func describeConnection(err error, a answer, about Call) string {
	if foreign, ok := errors.AsType[foreignAnswer](err); ok {
		return foreign.Error()
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return cmp.Or(about.Bounded, "the answer") + " is larger than " + size(a.limit)
	}
	if refusal, ok := errors.AsType[proxyRefusal](err); ok {
		return refusal.Error()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return clean(op.Error())
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return clean(cert.Error())
	}
	switch {
	case errors.Is(err, errProxyAddress):
		return errProxyAddress.Error()
	case notTLS(err):
		return "the server does not speak TLS"
	case utilnet.IsTimeout(err):
		return "no complete answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer was complete"
	case !a.asked:
		return "no request was sent"
	}
	return fmt.Sprintf("no usable answer (%T)", innermost(err))
}

// size writes a bound as a person would.
func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

func notTLS(err error) bool {
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok || errors.Is(err, http.ErrSchemeMismatch)
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// clean makes a text that others wrote printable, one line and short.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}
