package node

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Names, addresses and paths inside the node, which the files in config/ repeat. The paths are in memory, and only the node sees them.
const (
	hostname  = "node"
	nodeIP    = "192.168.99.1"
	serviceIP = "10.0.0.1" // of the Service kubernetes: without a kube-proxy it is an address of the node itself
	services  = "10.0.0.0/24"
	configDir = "/run/node"
	binDir    = "/run/node/bin"
)

// Kubeconfig is the administrator's kubeconfig inside the node. A test that finds another path in KUBECONFIG is not inside.
const Kubeconfig = configDir + "/admin.kubeconfig"

//go:embed config
var files embed.FS

// configure writes all that the programs read: certificates, kubeconfigs, configuration files.
func configure() error {
	for _, dir := range []string{binDir, filepath.Join(configDir, "cni"), "/var/lib/kubelet/volume-plugins"} {
		if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- as a package would make it
			return err
		}
	}
	for name, at := range map[string]string{"containerd.toml": "", "kubelet.yaml": "", "bridge.conflist": "cni"} {
		data, err := files.ReadFile("config/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(configDir, at, name), data, 0o600); err != nil {
			return err
		}
	}
	resolver := []byte("nameserver " + nodeIP + "\n")                                              // in pods; nobody answers
	if err := os.WriteFile(filepath.Join(configDir, "resolv.conf"), resolver, 0o644); err != nil { // #nosec G306 -- containers read it
		return err
	}
	return credentials()
}

// credentials makes the certificates of all who serve or call, and the key of service account tokens.
func credentials() error {
	ca, err := newAuthority(configDir)
	if err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	if _, err := ca.writeKey("service-account"); err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	apiServer := identity{name: "kube-apiserver", hosts: []string{nodeIP, serviceIP, "127.0.0.1", "localhost", "kubernetes.default.svc"}}
	if err := ca.issue("apiserver", apiServer); err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	for file, id := range map[string]identity{
		"admin":              {name: "admin", group: "system:masters"},
		"controller-manager": {name: "system:kube-controller-manager"},
		"scheduler":          {name: "system:kube-scheduler"},
		"kubelet":            {name: "system:node:" + hostname, group: "system:nodes", hosts: []string{nodeIP, hostname}},
	} {
		if err := ca.issue(file, id); err != nil {
			return fmt.Errorf("making certificates: %w", err)
		}
		if err := writeKubeconfig(file); err != nil {
			return fmt.Errorf("writing a kubeconfig: %w", err)
		}
	}
	return nil
}

// writeKubeconfig writes a kubeconfig for the owner of a certificate.
func writeKubeconfig(file string) error {
	path := func(ending string) string { return filepath.Join(configDir, file+ending) }
	config := api.NewConfig()
	config.Clusters[hostname] = &api.Cluster{Server: "https://" + nodeIP, CertificateAuthority: filepath.Join(configDir, "ca.crt")}
	config.AuthInfos[hostname] = &api.AuthInfo{ClientCertificate: path(".crt"), ClientKey: path(".key")}
	config.Contexts[hostname] = &api.Context{Cluster: hostname, AuthInfo: hostname}
	config.CurrentContext = hostname
	return clientcmd.WriteToFile(*config, path(".kubeconfig"))
}
