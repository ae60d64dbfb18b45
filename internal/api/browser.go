package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// A browser can be made to call whatever it reaches, with the rights of the network that it is in: by a page of another site, which sends
// requests and cannot read their answers, or by a name of another site that suddenly means this machine (DNS rebinding), whose page reads the
// answers too.

// sameOrigin returns a handler that refuses requests that a page of another site made. Only such as change something are asked about.
func sameOrigin(next answerFunc) answerFunc {
	protection := http.NewCrossOriginProtection()
	return func(x *exchange) {
		if err := protection.Check(x.request); err != nil {
			x.refuse(http.StatusForbidden, problem{Code: codeCrossOrigin, Message: "A page of another site may not ask for this"})
			return
		}
		next(x)
	}
}

// loopbackListener is the key of a request's context under which stands, as a bool, whether the listener can be reached from this machine only.
type loopbackListener struct{}

// withListener notes in the context of requests where they come in.
func withListener(ctx context.Context, listener net.Listener) context.Context {
	address, ok := listener.Addr().(*net.TCPAddr)
	return context.WithValue(ctx, loopbackListener{}, ok && address.IP.IsLoopback())
}

// misdirected reports whether a request came to a listener on loopback under the name of another machine. An address instead of a name is
// nobody's name: a browser that calls it was not led astray.
func misdirected(r *http.Request) bool {
	if local, ok := r.Context().Value(loopbackListener{}).(bool); !ok || !local {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return false
	}
	return host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

const foreignHostMessage = "This listener is for its own machine: call it localhost, or by its address"

func refuseForeignHost(x *exchange) {
	x.refuse(http.StatusForbidden, problem{Code: codeForeignHost, Message: foreignHostMessage})
}

// onlyLocalNames returns a handler that refuses, in plain text, what is misdirected.
func onlyLocalNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if misdirected(r) {
			http.Error(w, foreignHostMessage, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
