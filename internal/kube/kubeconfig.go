package kube

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// RESTConfig finds the API server as kubectl does: in the kubeconfig file if one is named, else in the files of $KUBECONFIG or
// ~/.kube/config, else through the ServiceAccount of the pod around this process. The context is the kubeconfig's current one if
// empty. It also returns the namespace that goes with it: the kubeconfig's, $POD_NAMESPACE or the pod's own, else "default".
//
// The error says what to do. Of a kubeconfig it tells names only: an address may hold a password, and a token may stand where a path should.
func RESTConfig(kubeconfig, context string) (cfg *rest.Config, namespace string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	if cfg, err = loader.ClientConfig(); err == nil {
		namespace, _, err = loader.Namespace()
	}
	if err == nil {
		_, err = serverName(cfg.Host)
	}
	if err == nil {
		return cfg, namespace, nil
	}
	return nil, "", fmt.Errorf("finding the API server: %w", explain(err, loader, kubeconfig, context))
}

// explain returns what is wrong in words of our own, as those of clientcmd quote what they stumble over, and what to do about it.
func explain(err error, loader clientcmd.ClientConfig, kubeconfig, context string) error {
	config, loadErr := loader.RawConfig()
	switch {
	case loadErr != nil:
		return explainFile(loadErr)
	case clientcmd.IsEmptyConfig(err) && kubeconfig != "":
		return fmt.Errorf("%q holds no cluster and no context: it is empty, or not a kubeconfig", kubeconfig)
	case clientcmd.IsEmptyConfig(err):
		return errors.New("no kubeconfig, and no pod with a ServiceAccount token mounted at /var/run/secrets/kubernetes.io/serviceaccount;" +
			" run inside a pod, name a file with --kubeconfig (and --context), or read files with --manifests")
	}
	context = cmp.Or(context, config.CurrentContext)
	chosen, ok := config.Contexts[context]
	if !ok && context != "" {
		return fmt.Errorf("context %q does not exist; %s", context, listContexts(config.Contexts))
	}
	if !ok { // the ServiceAccount of a pod, whose files have fixed places
		return err
	}
	cluster, ok := config.Clusters[chosen.Cluster]
	if !ok {
		return fmt.Errorf("context %q is of cluster %q, which does not exist", context, chosen.Cluster)
	}
	user, ok := config.AuthInfos[chosen.AuthInfo]
	if !ok {
		return fmt.Errorf("context %q is of user %q, which does not exist", context, chosen.AuthInfo)
	}
	if fault := cmp.Or(clusterFault(cluster), userFault(user)); fault != "" {
		return fmt.Errorf("context %q, cluster %q, user %q of the kubeconfig: %s", context, chosen.Cluster, chosen.AuthInfo, fault)
	}
	return fmt.Errorf("context %q, cluster %q, user %q of the kubeconfig cannot be used together: does kubectl work with them?", context,
		chosen.Cluster, chosen.AuthInfo)
}

// listContexts names the contexts that there are.
func listContexts(contexts map[string]*api.Context) string {
	if len(contexts) == 0 {
		return "no kubeconfig that was found has any context"
	}
	names := make([]string, 0, len(contexts))
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		names = append(names, strconv.Quote(name))
	}
	return "the contexts are " + strings.Join(names, ", ")
}

// explainFile speaks of a kubeconfig that cannot be read or parsed.
func explainFile(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok { // the path is the kubeconfig's own
		return fmt.Errorf("%w; without --kubeconfig the file of the variable KUBECONFIG counts, or ~/.kube/config, or the pod's ServiceAccount", path)
	}
	name := "the file"
	if match := regexp.MustCompile(`^error loading config file ("[^"]+")`).FindStringSubmatch(err.Error()); match != nil {
		name += " " + match[1]
	}
	if strings.Contains(err.Error(), `no kind "Secret"`) {
		return fmt.Errorf("%s is a Secret, not a kubeconfig", name)
	}
	if line := regexp.MustCompile(`\bline \d+`).FindString(err.Error()); line != "" {
		return fmt.Errorf("%s is not a kubeconfig: see %s", name, line)
	}
	return fmt.Errorf("%s is not a kubeconfig", name)
}

// clusterFault says what cannot be used of a cluster; empty: nothing is known.
func clusterFault(c *api.Cluster) string {
	if c.Server == "" {
		return "the cluster has no server"
	}
	if _, err := serverName(c.Server); err != nil {
		return "server: " + err.Error()
	}
	if c.ProxyURL != "" {
		proxy, err := url.Parse(c.ProxyURL)
		if err != nil || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme) {
			return "proxy-url: must be a URL that begins with http, https or socks5 (it is not shown, as it may hold a password)"
		}
	}
	return unreadable("certificate-authority", c.CertificateAuthority)
}

// userFault says what cannot be used of a user; empty: nothing is known.
func userFault(u *api.AuthInfo) string {
	return cmp.Or(unreadable("client-certificate", u.ClientCertificate), unreadable("client-key", u.ClientKey), unreadable("tokenFile", u.TokenFile))
}

// unreadable says that the file that a field names cannot be read. It does not quote the field: a key may have been put in the path's place.
func unreadable(field, path string) string {
	if path == "" {
		return ""
	}
	file, err := os.Open(path) // #nosec G304 -- the kubeconfig names it
	if err == nil {
		_ = file.Close()
		return ""
	}
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		err = fault.Err
	}
	return fmt.Sprintf("%s: the file that it names cannot be read: %v", field, err)
}

// serverName returns the address of an API server as it may be shown, without user and password.
func serverName(host string) (string, error) {
	address, _, err := rest.DefaultServerURL(host, "/api", coreV1, true)
	if err != nil || address.Host == "" {
		return "", errors.New("the address of the API server is neither a URL nor host:port (it is not shown, as it may hold a password)")
	}
	return address.Scheme + "://" + address.Host, nil
}
