package torture_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestANameStaysInItsNamespace has kubectl replace a Secret by force, while one of another watched namespace claims its name.
func TestANameStaysInItsNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	rival := &world{t: t, plane: w.plane, admin: w.admin, namespace: w.plane.Namespace(t)}
	w.plane.Grant(t, w.user, rival.namespace, "list", "watch")
	f := begin(t, &fault{Area: "rights", Name: "a rival for a name", Made: "kubectl replace --force of a Secret whose name one in another watched namespace claims; then it is deleted for good",
		Holds: "the target never is the rival's, and is there again with the new content; only a minute after its holder went for good another namespace gets the name, which is told and counted"})
	w.webhook("a", 1)
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, "--kubeconfig", w.kubeconfig(), "--namespace", w.namespace, "--namespace", rival.namespace, "--rate-limit", "0")
	p.Until("publishes", func() error { return succeeded(p) })
	p.Until("follows", func() error { return following(p) })
	rival.put("rival", map[string]string{"name": "a", "type": "webhook", "url": "https://evil.example/666"})
	p.Until("rejects the rival", func() error {
		if s := p.Status(); s.Invalid != 1 {
			return fmt.Errorf("%d are invalid", s.Invalid)
		}
		return nil
	})
	witness := attach(t, w.path, f)
	stop := witness.reader.OnChange(func(c targetsfile.Change) {
		if target, ok := c.To.Get("a"); ok && target.Host() != "https://example.com" {
			f.violation("the target went to %s", target.Host())
		}
	})
	for n := range times(20, 3) {
		replaceByForce(t, w, 10+n)
		expectNumber(t, p, "a", 10+n)
		if n%2 == 0 {
			p.Refresh() // a LIST decides alike
		}
		if err := hasNumber(p, "a", 10+n); err != nil {
			f.violation("after a refresh %v", err)
		}
		f.run()
	}
	stop()
	if n := p.Metric("publishing_target_takeovers_total"); n != 0 {
		f.violation("%.0f takeovers are counted", n)
	}
	witness.end()
	if *full {
		expectTakeover(t, w, f, p)
	}
}

// expectTakeover deletes the holder for good: somebody must be able to move a name.
func expectTakeover(t *testing.T, w *world, f *fault, p *sidecar.Process) {
	t.Helper()
	if err := w.admin.CoreV1().Secrets(w.namespace).Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	waitFor(t, 2*time.Minute, "another namespace gets the name", func() error { return hasNumber(p, "a", 666) })
	if took := time.Since(begun); took < time.Minute {
		f.violation("the name went after %s", took)
	}
	if n, lines := p.Metric("publishing_target_takeovers_total"), len(p.Logs("another secret has taken the target's name over")); n != 1 || lines != 1 {
		f.violation("%.0f takeovers are counted, %d lines tell of it", n, lines)
	}
	f.run()
}

// replaceByForce gives the Secret a new number as `kubectl replace --force` does: it is deleted, and another of its name created.
func replaceByForce(t *testing.T, w *world, number int) {
	t.Helper()
	kubectl := controlplane.Program(t, binaries.Kubectl)
	path := filepath.Join(t.TempDir(), "secret.yaml")
	writeFile(t, path, fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: %s, labels: {publishing-target: \"true\"}}\n"+
		"stringData: {type: webhook, url: 'https://example.com/%d'}\n", w.namespace, number))
	kubeconfig := w.plane.WriteKubeconfig(t, w.plane.AdminUser(), w.namespace)
	out, err := exec.CommandContext(t.Context(), kubectl, "--kubeconfig", kubeconfig, "replace", "--force", "-f", path).CombinedOutput() // #nosec G204 -- our own
	if err != nil {
		t.Fatalf("kubectl replace --force: %v\n%s", err, out)
	}
}
