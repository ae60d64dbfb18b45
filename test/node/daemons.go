package node

import "github.com/alert-history/refresh-sidecar/test/controlplane/binaries"

// in returns the path of a file of the node's configuration.
func in(file string) string { return configDir + "/" + file }

// etcdArgs let etcd forget everything with the node.
func etcdArgs() []string {
	return []string{
		"--data-dir=/var/lib/etcd",
		"--listen-client-urls=http://127.0.0.1:2379",
		"--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--unsafe-no-fsync",
	}
}

func apiServerArgs() []string {
	return []string{
		"--etcd-servers=http://127.0.0.1:2379",
		"--secure-port=443",
		"--advertise-address=" + nodeIP,
		"--service-cluster-ip-range=" + services,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--client-ca-file=" + in("ca.crt"),
		"--cert-dir=" + configDir,
		"--tls-cert-file=" + in("apiserver.crt"),
		"--tls-private-key-file=" + in("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + in("service-account.key"),
		"--service-account-signing-key-file=" + in("service-account.key"),
		"--kubelet-client-certificate=" + in("admin.crt"),
		"--kubelet-client-key=" + in("admin.key"),
		"--kubelet-certificate-authority=" + in("ca.crt"),
		"--kubelet-preferred-address-types=InternalIP",
		"--delete-collection-workers=8", // tests leave Secrets by the thousand
	}
}

func controllerManagerArgs() []string {
	return append(controllerArgs("controller-manager"),
		"--use-service-account-credentials=true",
		"--root-ca-file="+in("ca.crt"), // the content of the ConfigMaps kube-root-ca.crt
		"--service-account-private-key-file="+in("service-account.key"),
	)
}

// controllerArgs are the arguments that the controller manager and the scheduler have in common.
func controllerArgs(name string) []string {
	kubeconfig := in(name + ".kubeconfig")
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--leader-elect=false",
	}
}

func kubeletArgs() []string {
	return []string{
		"--config=" + in("kubelet.yaml"),
		"--kubeconfig=" + in("kubelet.kubeconfig"),
		"--hostname-override=" + hostname,
		"--node-ip=" + nodeIP,
		"--v=2",
	}
}

// programs are those of the node's programs that are built here.
var programs = []binaries.Name{
	binaries.Etcd, binaries.APIServer, binaries.ControllerManager, binaries.Scheduler, binaries.Kubelet, binaries.Kubectl,
}
