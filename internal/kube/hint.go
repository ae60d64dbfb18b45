package kube

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

const (
	hintAddress = "something other than the API server answers here: check the server address (the kubeconfig's, or KUBERNETES_SERVICE_HOST" +
		" in a pod) and the proxy variables HTTPS_PROXY and NO_PROXY"
	hintToken = "the token is not accepted; it is read anew every minute, so a rotation heals by itself. If it lasts: does the" +
		" ServiceAccount still exist, is its token volume mounted, and does kubectl with the same kubeconfig and context work?"
	hintServer = "the API server, its etcd or a load balancer before it is in trouble: kubectl get --raw '/readyz?verbose'"
	hintCA     = "the server's certificate is not signed by the CA in use, or has expired: check ca.crt in the pod's ServiceAccount volume," +
		" or certificate-authority in the kubeconfig; a proxy that opens TLS shows itself like this too"
	hintReach = "is the API server running, and does a NetworkPolicy or firewall let this pod reach it? Check the server address and the" +
		" proxy variables HTTPS_PROXY and NO_PROXY"
)

// answerHint says what to do about a refusal.
func answerHint(code int, err error, c call) string {
	switch {
	case code == http.StatusUnauthorized:
		return hintToken
	case code == http.StatusForbidden && !apierrors.IsUnexpectedServerError(err):
		return grantHint(c)
	case code == http.StatusTooManyRequests:
		return "the API server is busy and sheds load; it is asked again later"
	case (apierrors.IsResourceExpired(err) || apierrors.IsGone(err)) && c.verb == "watch":
		return "nothing: the API server has compacted its history, and a refresh fills the gap"
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		return "reading the list took longer than the API server keeps its moment: is it slow, or the network?"
	case apierrors.IsStoreReadError(err):
		return "an object in etcd cannot be read, often because its encryption key is gone: kubectl get secrets " + scope(c.namespace)
	case code >= http.StatusInternalServerError:
		return hintServer
	case (code == http.StatusBadRequest || code == http.StatusUnprocessableEntity) && !apierrors.IsUnexpectedServerError(err):
		return "the API server does not understand the request: check --label-selector and --namespace"
	}
	return hintAddress
}

// grantHint names the role that is missing and the command that proves it.
func grantHint(c call) string {
	if c.namespace == "" {
		return fmt.Sprintf("grant the ServiceAccount the verbs list and watch on secrets with a ClusterRole and a ClusterRoleBinding, or name"+
			" single namespaces with --namespace; to check: kubectl auth can-i %s secrets --all-namespaces"+
			" --as=system:serviceaccount:NAMESPACE:NAME", c.verb)
	}
	return fmt.Sprintf("grant the ServiceAccount the verbs list and watch on secrets in namespace %[1]s with a Role and a RoleBinding there;"+
		" to check: kubectl auth can-i %[2]s secrets --namespace %[1]s --as=system:serviceaccount:NAMESPACE:NAME", c.namespace, c.verb)
}

func scope(namespace string) string {
	if namespace == "" {
		return "--all-namespaces"
	}
	return "--namespace " + namespace
}

// connectionHint says what to do when no answer came, or none that can be used.
func connectionHint(err error, a answer) string {
	if _, ok := errors.AsType[foreignAnswer](err); ok {
		return hintAddress
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "does the label select Secrets that are not targets, such as Helm releases?"
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
		return "the API server is slow or packets are lost: " + hintReach + "; --refresh-timeout gives it more time"
	case !a.asked:
		return "the kubeconfig's credential plugin may have failed: does kubectl work with the same kubeconfig and context?"
	}
	return hintReach
}
