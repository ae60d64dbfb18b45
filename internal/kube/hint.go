package kube

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

const (
	hintAddress = "something other than the API server answers here: check the server address (the kubeconfig's, or KUBERNETES_SERVICE_HOST" +
		" in a pod) and the proxy variables HTTPS_PROXY and NO_PROXY"
	hintToken = "the token of this process is not accepted; it is read anew every minute, so a rotation heals by itself. If it lasts: does the" +
		" ServiceAccount still exist, is its token volume mounted, and does kubectl with the same kubeconfig and context work?"
	hintServer = "the API server, its etcd or a load balancer before it is in trouble: kubectl get --raw '/readyz?verbose'"
	hintCA     = "the server's certificate is not signed by the CA in use, or has expired: check ca.crt in the pod's ServiceAccount volume," +
		" or certificate-authority in the kubeconfig; a proxy that opens TLS shows itself like this too"
	hintReach = "is the API server running, and does a NetworkPolicy or firewall let this pod reach it? Check the server address and the" +
		" proxy variables HTTPS_PROXY and NO_PROXY"
)

// answerHint says what to do about a refusal. A proxy's 403 or 400 says nothing about rights or flags.
func answerHint(code int, err error, of Hints) string {
	foreign := apierrors.IsUnexpectedServerError(err)
	hint := ""
	switch {
	case code == http.StatusUnauthorized:
		hint = hintToken
	case code == http.StatusForbidden && !foreign:
		hint = of.Forbidden
	case code == http.StatusTooManyRequests:
		hint = "the API server is busy and sheds load; it is asked again later. If it lasts, API Priority and Fairness may give this ServiceAccount too" +
			" little: kubectl get flowschemas,prioritylevelconfigurations"
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		hint = of.Expired
	case apierrors.IsStoreReadError(err):
		hint = cmp.Or(of.Unreadable, hintServer)
	case code >= http.StatusInternalServerError:
		hint = hintServer
	case (code == http.StatusBadRequest || code == http.StatusUnprocessableEntity) && !foreign:
		hint = of.Malformed
	}
	return cmp.Or(hint, hintAddress)
}

// connectionHint says what to do when no answer came, or none that can be used.
func connectionHint(err error, a answer, of Hints) string {
	if _, ok := errors.AsType[foreignAnswer](err); ok {
		return hintAddress
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return cmp.Or(of.TooLarge, hintAddress)
	}
	if hint := proxyHint(err); hint != "" {
		return hint
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another name: use one of its names as the server address, or set tls-server-name in the kubeconfig"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return hintCA
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the server's name is not found: check the server address, and in a pod its dnsPolicy and the cluster's DNS"
	}
	switch {
	case notTLS(err):
		return hintAddress
	case utilnet.IsConnectionRefused(err):
		return "nothing listens at that address: " + hintReach
	case utilnet.IsTimeout(err):
		return slowHint(of)
	case !a.asked:
		return "the kubeconfig's credential plugin may have failed: does kubectl work with the same kubeconfig and context?"
	}
	return hintReach
}

func slowHint(of Hints) string {
	hint := "the API server is slow or packets are lost: " + hintReach
	if of.Slow != "" {
		hint += "; " + of.Slow
	}
	return hint
}
