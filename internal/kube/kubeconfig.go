package kube

import (
	"errors"
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// RESTConfig finds the API server as kubectl does: in the kubeconfig file if one is named, else in the files of $KUBECONFIG or
// ~/.kube/config, else through the ServiceAccount of the pod around this process. The context is the kubeconfig's current one if
// empty. It also returns the namespace that goes with it: the kubeconfig's, $POD_NAMESPACE or the pod's own, else "default".
//
// The error says what to do.
func RESTConfig(kubeconfig, context string) (cfg *rest.Config, namespace string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	if cfg, err = loader.ClientConfig(); err == nil {
		namespace, _, err = loader.Namespace()
	}
	if err == nil {
		return cfg, namespace, nil
	}
	if clientcmd.IsEmptyConfig(err) { // its text advises KUBERNETES_MASTER, which nobody should set
		err = errors.New("no kubeconfig, and no pod with a ServiceAccount token mounted at /var/run/secrets/kubernetes.io/serviceaccount")
	}
	return nil, "", fmt.Errorf("finding the API server: %w; run inside a pod, name a file with --kubeconfig (and --context),"+
		" or read files with --manifests", err)
}
