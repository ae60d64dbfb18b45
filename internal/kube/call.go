package kube

import (
	"fmt"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Call is what is asked of an API server, in the words of errors and hints.
type Call struct {
	Doing   string // the beginning of an error, such as "listing Secrets in all namespaces"
	Answer  string // the only answer that is believed, such as "a list of Secrets"
	Bounded string // what must fit the bound of an answer, such as "a page of 4 Secrets"; empty: the answer
	Hints   Hints
}

// Hints say what a person can do, where that depends on the call. An empty hint leaves the general one.
type Hints struct {
	Forbidden  string // 403: the right that is missing, and the command that proves it
	Malformed  string // 400 and 422: the flags that the request was made of
	Expired    string // 410: why the server no longer has what was asked for
	Unreadable string // 500: an object in etcd cannot be read
	TooLarge   string // an answer over its bound: what makes it so large
	Slow       string // no answer in time: what gives the server more
}

// callList is one page of a LIST of Secrets in a namespace, or with "" in all namespaces.
func callList(namespace string) Call {
	c := callSecrets("list", namespace)
	c.Answer = "a list of Secrets"
	c.Hints.Expired = "reading the list took longer than the API server keeps its moment: is it slow, or the network?"
	c.Hints.Slow = "--refresh-timeout gives it more time"
	return c
}

// callWatch is a WATCH of the same Secrets.
func callWatch(namespace string) Call {
	c := callSecrets("watch", namespace)
	c.Answer = "a stream of changes"
	c.Hints.Expired = "nothing: the API server has compacted its history, and a refresh fills the gap"
	return c
}

func callSecrets(verb, namespace string) Call {
	in, scope := "in all namespaces", "--all-namespaces"
	if namespace != "" {
		in, scope = fmt.Sprintf("in namespace %q", namespace), "--namespace "+namespace
	}
	return Call{
		Doing:   verb + "ing Secrets " + in,
		Bounded: fmt.Sprintf("a page of %d Secrets", smallestPage),
		Hints: Hints{
			Forbidden:  grantHint(verb, namespace, scope),
			Malformed:  "the API server does not understand the request: check --label-selector and --namespace",
			Unreadable: "an object in etcd cannot be read, often because its encryption key is gone: kubectl get secrets " + scope,
			TooLarge:   "does the label select Secrets that are not targets, such as Helm releases?",
		},
	}
}

// grantHint names the role that is missing and the command that proves it.
func grantHint(verb, namespace, scope string) string {
	role := "in namespace " + namespace + " with a Role and a RoleBinding there"
	if namespace == "" {
		role = "with a ClusterRole and a ClusterRoleBinding, or name single namespaces with --namespace"
	}
	return fmt.Sprintf("grant the ServiceAccount the verbs list and watch on secrets %s; to check: kubectl auth can-i %s secrets %s"+
		" --as=system:serviceaccount:NAMESPACE:NAME", role, verb, scope)
}

// Reject returns the error for an answer that decodes and yet is none that an API server gives to this call. The reason must not quote the
// answer.
func (c Call) Reject(why string) *source.Error { return classify(foreignAnswer(why), answer{}, c) }
