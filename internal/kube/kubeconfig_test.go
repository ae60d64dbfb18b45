package kube_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

// kubeconfig writes a file with two contexts: here, which is current and has a namespace, and there.
func kubeconfig(t *testing.T, host string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	content := fmt.Sprintf(`{"kind": "Config", "apiVersion": "v1", "current-context": "here",
"clusters": [{"name": "here", "cluster": {"server": "https://%[1]s:1"}}, {"name": "there", "cluster": {"server": "https://%[1]s:2"}}],
"users": [{"name": "me", "user": {"token": "t0ken"}}],
"contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "alerts"}},
             {"name": "there", "context": {"cluster": "there", "user": "me"}}]}`, host)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// nowhere hides the machine's own configuration.
func nowhere(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
}

func TestRESTConfig(t *testing.T) {
	for _, tt := range []struct {
		name, flag, env, context string
		host, namespace          string
	}{
		{"named file", "flag", "", "", "https://flag:1", "alerts"},
		{"other context", "flag", "", "there", "https://flag:2", "default"},
		{"KUBECONFIG", "", "env", "", "https://env:1", "alerts"},
		{"named file before KUBECONFIG", "flag", "env", "", "https://flag:1", "alerts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nowhere(t)
			if tt.env != "" {
				t.Setenv("KUBECONFIG", kubeconfig(t, tt.env))
			}
			path := ""
			if tt.flag != "" {
				path = kubeconfig(t, tt.flag)
			}
			cfg, namespace, err := kube.RESTConfig(path, tt.context)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Host != tt.host || namespace != tt.namespace || cfg.BearerToken != "t0ken" {
				t.Errorf("got %s, %s and token %q, want %s, %s and t0ken", cfg.Host, namespace, cfg.BearerToken, tt.host, tt.namespace)
			}
			if _, err := kube.New(kube.Config{REST: cfg, LabelSelector: "a"}); err != nil {
				t.Errorf("got %v from New", err)
			}
		})
	}
}

func TestRESTConfigSaysWhatToDo(t *testing.T) {
	nowhere(t)
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, context, want string }{
		{"nothing found", "", "", "no kubeconfig, and no pod"},
		{"no such file", "/nowhere/kubeconfig", "", "/nowhere/kubeconfig"},
		{"no such context", kubeconfig(t, "flag"), "elsewhere", `context "elsewhere" does not exist`},
		{"a context of nothing", "", "elsewhere", `context "elsewhere" does not exist`},
		{"a broken file", broken, "", broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _, err := kube.RESTConfig(tt.path, tt.context)
			if err == nil {
				t.Fatalf("got %s, want an error", cfg.Host)
			}
			for _, want := range []string{tt.want, "run inside a pod", "--kubeconfig", "--manifests"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}
