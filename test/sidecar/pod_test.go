package sidecar_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// inPod returns a program that runs the sidecar where a pod's ServiceAccount volume is, in a mount namespace of its own.
func inPod(t *testing.T, account string) string {
	t.Helper()
	const enter = `exec unshare --map-root-user --mount sh -c 'mount -t tmpfs tmpfs /var/run && mkdir -p /var/run/secrets/kubernetes.io &&
ln -s %s /var/run/secrets/kubernetes.io/serviceaccount && exec %s "$@"' sh "$@"`
	if out, err := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/var/run").CombinedOutput(); err != nil {
		t.Skipf("no file can be put into a place of its own on this machine: %v: %s", err, out)
	}
	return sidecar.Script(t, fmt.Sprintf(enter, account, sidecar.Binary(t)))
}

// TestAPodOfAnIPv6Cluster has the API server found as in a pod: by the variables that a kubelet sets, and the ServiceAccount's volume.
func TestAPodOfAnIPv6Cluster(t *testing.T) {
	plane := controlplane.StartIPv6(t)
	w := newWorld(t, plane.Plane)
	w.put("a", map[string]string{"type": "webhook", "url": "https://example.com/1"})
	account := t.TempDir()
	config := plane.Config(w.user)
	if err := errors.Join(
		os.WriteFile(filepath.Join(account, "token"), []byte(config.BearerToken), 0o600),
		os.WriteFile(filepath.Join(account, "ca.crt"), config.CAData, 0o600),
		os.WriteFile(filepath.Join(account, "namespace"), []byte(w.namespace), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	program := inPod(t, account)
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", server.Hostname()) // without brackets
	t.Setenv("KUBERNETES_SERVICE_PORT", server.Port())
	p := sidecar.StartBinary(t, program, w.path)
	p.Until("publishes", func() error {
		if d := p.Document(); d == nil || len(d.Entries) != 1 {
			return errors.New("no target is there")
		}
		return nil
	})
}
