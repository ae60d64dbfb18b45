package server

import "strconv"

// File names, relative to the directory in which both programs run: a socket's whole path must be shorter than 108
// bytes (unix(7)), and directories of tests are often longer.
const (
	etcdSocket = "unix://etcd.sock"
	peerSocket = "unix://peer.sock"
	certDir    = "certs"
	dataDir    = "data"
	tokenFile  = "tokens.csv"
)

// KeyFile holds the key that signs service account tokens, relative to the same directory.
const KeyFile = "service-account.key"

// MemberArgs say which etcd it is that has the data: etcd and a restored snapshot have to agree on it.
func MemberArgs() []string {
	return []string{"--initial-advertise-peer-urls=" + peerSocket, "--initial-cluster=default=" + peerSocket}
}

func etcdArgs() []string {
	return append(MemberArgs(),
		"--data-dir="+dataDir,
		"--listen-client-urls="+etcdSocket,
		"--advertise-client-urls="+etcdSocket,
		"--listen-peer-urls="+peerSocket,
		"--unsafe-no-fsync", // the data is thrown away with the process
	)
}

func apiServerArgs(port int) []string {
	return []string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--permit-port-sharing", // with our reservation of the port
		"--cert-dir=" + certDir, // it makes a certificate for 127.0.0.1 there, or uses the one of the last run
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", // a loopback address is refused as an endpoint, time and again
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--token-auth-file=" + tokenFile,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + KeyFile,
		"--service-account-signing-key-file=" + KeyFile,
		"--disable-admission-plugins=ServiceAccount", // no controller makes the account that it would ask for
		"--delete-collection-workers=8",              // tests leave Secrets by the thousand
	}
}
