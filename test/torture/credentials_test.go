package torture_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// startInherited runs a sidecar beside a snapshot that is there already, with an API server that it cannot use.
func startInherited(w *world, f *fault) *sidecar.Process {
	w.t.Helper()
	p := sidecar.Start(w.t, w.path, w.args()...)
	expectReady(f, p)
	p.Until("fails", func() error { return failed(p, 1) })
	return p
}

// replaceFile puts a file in the place of another, as a projected volume does.
func replaceFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil { // #nosec G703 -- the test's own file
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestTokenRotated replaces the token file: first as a kubelet does, while the old token is good, then after the old one has been
// revoked with its ServiceAccount, which client-go finds out within a minute.
func TestTokenRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "credentials", Name: "token rotated",
		Made:  "the token file is replaced while the old token is good; then the account is deleted and made anew, and the file replaced a little later",
		Holds: "the first costs no attempt; the second keeps the last snapshot, ready, says what is wrong and is over a minute later; no token is told"})
	const account = "rotated"
	tokens := []string{w.plane.ServiceAccountToken(t, w.namespace, account)}
	w.user = controlplane.User{Name: "system:serviceaccount:" + w.namespace + ":" + account, Token: tokens[0]}
	w.plane.Grant(t, w.user, w.namespace, "list", "watch")
	w.access.token, w.access.tokenFile = "", filepath.Join(t.TempDir(), "token")
	replaceFile(t, w.access.tokenFile, []byte(tokens[0]))
	p := w.start("--refresh-timeout", "30s")
	witness := attach(t, w.path, f, "a")

	tokens = append(tokens, w.plane.ServiceAccountToken(t, w.namespace, account))
	replaceFile(t, w.access.tokenFile, []byte(tokens[1]))
	w.webhook("a", 1)
	expectNumber(t, p, "a", 1)
	if refusals := len(p.Logs("refresh failed, keeping the last snapshot")); refusals > 0 {
		f.violation("%d attempts failed while both tokens were good", refusals)
	}
	f.run()
	if *full {
		tokens = append(tokens, revoke(t, w, p, f, account))
		f.run()
	}
	witness.end()
	for _, token := range tokens {
		expectNothingTold(f, p, token)
	}
}

// revoke has all tokens of the account refused, and then mounts a new one, which it returns.
func revoke(t *testing.T, w *world, p *sidecar.Process, f *fault, account string) string {
	t.Helper()
	if err := w.admin.CoreV1().ServiceAccounts(w.namespace).Delete(t.Context(), account, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, "the old token is refused", func() error { return failed(p, 2) })
	expectReady(f, p)
	if s := p.Status(); !strings.Contains(s.Error, "401") || !strings.Contains(s.Hint, "token") {
		f.violation("got error %q, hint %q; want 401 and what to do about the token", s.Error, s.Hint)
	}
	token := w.plane.ServiceAccountToken(t, w.namespace, account)
	replaceFile(t, w.access.tokenFile, []byte(token))
	w.webhook("a", 2)
	begun := time.Now()
	waitFor(t, 2*time.Minute, "the new token is used", func() error { return succeeded(p) })
	f.figure("%.0f s from the new file to a successful refresh", time.Since(begun).Seconds())
	expectNumber(t, p, "a", 2)
	return token
}

// TestCertificateRotated has the API server come back with another certificate: of the same authority, and of one that reaches
// the CA file only afterwards.
func TestCertificateRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "credentials", Name: "certificates rotated",
		Made:  "a TLS front gets another certificate and drops its connections: of the same CA, then of one that is written to the CA file afterwards",
		Holds: "the last snapshot stays and is ready; the first is taken at once, a changed CA file with the next request"})
	old, next := newAuthority(t), newAuthority(t)
	front := newFront(t, w)
	rotate := func(a *authority) {
		front.present(a.issue(t))
		front.CloseClientConnections()
	}
	w.access.ca, w.access.caFile = nil, filepath.Join(t.TempDir(), "ca.crt")
	replaceFile(t, w.access.caFile, old.pem)
	rotate(old)
	p := w.start()
	witness := attach(t, w.path, f, "a")

	rotate(old)
	w.webhook("a", 1)
	expectNumber(t, p, "a", 1)
	f.run()

	rotate(next)
	p.Until("fails", func() error { return failed(p, 2) })
	expectTransient(f, p)
	if s := p.Status(); !strings.Contains(s.Hint, "CA") {
		f.violation("got error %q, hint %q; want one about the CA", s.Error, s.Hint)
	}
	replaceFile(t, w.access.caFile, bytes.Join([][]byte{old.pem, next.pem}, nil))
	f.run()
	if *full {
		begun := time.Now()
		waitFor(t, time.Minute, "the new CA is used", func() error { return succeeded(p) })
		f.figure("%.0f s from the new CA file to a successful refresh", time.Since(begun).Seconds())
		w.webhook("a", 2)
		expectNumber(t, p, "a", 2)
		f.run()
	}
	witness.end()
}

// TestWrongCA starts with a CA that did not sign the server's certificate, without a snapshot and beside a good one.
func TestWrongCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	w.start().Kill()
	f := begin(t, &fault{Area: "credentials", Name: "wrong CA", Made: "the kubeconfig has another CA than the server's certificate, without a snapshot and beside a good one",
		Holds: "nothing is published, what is there stays and is ready; the token is not sent; status and hint name the CA"})
	witness := attach(t, w.path, f, "a")
	front := newFront(t, w)
	w.access.ca = newAuthority(t).pem
	p := startInherited(w, f)
	expectTransient(f, p)
	if s := p.Status(); !strings.Contains(s.Error, "certificate") || !strings.Contains(s.Hint, "CA") {
		f.violation("got error %q, hint %q; want one about the CA", s.Error, s.Hint)
	}
	f.run()
	witness.end()

	w.path = filepath.Join(t.TempDir(), "targets.json")
	fresh := sidecar.Start(t, w.path, w.args()...)
	fresh.Until("fails", func() error { return failed(fresh, 2) })
	if code, _ := fresh.Do("GET", "/readyz"); code != 503 || fresh.Document() != nil {
		f.violation("without a snapshot readyz answers %d, want 503 and no file", code)
	}
	f.run()
	if asked := front.asked(); asked.total() > 0 {
		f.violation("%s, and the token with them, reached a server that is not trusted", asked)
	}
	expectNothingTold(f, fresh, w.access.token)
}
