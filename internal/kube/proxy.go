package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// proxyRefusal is a proxy's answer to CONNECT where it opens no tunnel to the API server.
type proxyRefusal struct {
	proxy string // host and port
	code  int    // HTTP status
}

// Error implements error.
func (p proxyRefusal) Error() string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", p.code, http.StatusText(p.code)))
	return fmt.Sprintf("the proxy %s answered %s, and opens no tunnel to the API server", p.proxy, status)
}

// errProxyAddress stands for an error that quotes the address.
var errProxyAddress = errors.New("the address of the proxy cannot be used (it is not shown, as it may hold a password)")

// noteProxy returns a choice of proxies that notes each one with its request. A nil choice is that of the environment.
func noteProxy(choose func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := choose(req)
		switch {
		case err != nil:
			return nil, errProxyAddress
		case proxy != nil:
			answerOf(req).proxy = clean(proxy.Host)
		}
		return proxy, nil
	}
}

// nameProxyRefusals has a transport report a proxy's refusal as a [proxyRefusal]. By itself it keeps the reason phrase only, which the proxy
// chooses.
func nameProxyRefusals(transport http.RoundTripper) {
	for {
		switch t := transport.(type) {
		case utilnet.RoundTripperWrapper:
			transport = t.WrappedRoundTripper()
			continue
		case *http.Transport: // not shared: client-go makes one for each choice of proxies
			t.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
				if resp.StatusCode == http.StatusOK {
					return nil
				}
				return proxyRefusal{clean(proxy.Host), resp.StatusCode}
			}
		}
		return
	}
}

// proxyHint says what to do about a proxy that stands in the way; empty: the error is about something else.
func proxyHint(err error) string {
	const except = "; if the API server is to be reached without it, as inside a cluster, name its address in NO_PROXY"
	refusal, refused := errors.AsType[proxyRefusal](err)
	op, _ := errors.AsType[*net.OpError](err)
	switch {
	case refused && refusal.code == http.StatusProxyAuthRequired:
		return "the proxy asks for a user and a password: they belong in its address, http://USER:PASSWORD@HOST:PORT, in HTTPS_PROXY or the kubeconfig's proxy-url" + except
	case refused:
		return "the proxy of HTTPS_PROXY, or of the kubeconfig's proxy-url, has to allow CONNECT to the API server's address and port" + except
	case errors.Is(err, errProxyAddress):
		return "correct HTTPS_PROXY: http://HOST:PORT" + except
	case op != nil && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		return "the proxy of HTTPS_PROXY, or of the kubeconfig's proxy-url, cannot be used: is its address right, does it run, and may this pod reach it?" + except
	}
	return ""
}
