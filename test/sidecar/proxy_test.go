package sidecar_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestTheProxyOfTheEnvironment is asked for a tunnel to the API server and answers 405, as a web server does that is no proxy.
func TestTheProxyOfTheEnvironment(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }))
	t.Cleanup(proxy.Close)
	address := proxy.Listener.Addr().String()
	t.Setenv("HTTPS_PROXY", "http://me:canary@"+address)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	const config = `{"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
"users": [{"name": "u", "user": {"token": "t0ken"}}], "clusters": [{"name": "c", "cluster": {"server": "https://api.example.com:6443"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), "--kubeconfig", kubeconfig)
	p.Until("says what is wrong", func() error {
		s := p.Status()
		if want := "the proxy " + address + " answered 405 Method Not Allowed"; !strings.Contains(s.Error, want) || !strings.Contains(s.Hint, "NO_PROXY") {
			return errors.New("it says " + s.Error + "; " + s.Hint)
		}
		return nil
	})
	for _, line := range p.Logs("") {
		for field, value := range line {
			if text, ok := value.(string); ok && strings.Contains(text, "canary") {
				t.Errorf("%s of %q tells the proxy's password", field, line["message"])
			}
		}
	}
}
