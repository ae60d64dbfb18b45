package kube_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

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
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path, context string
		want                []string
	}{
		{"nothing found", "", "", []string{"no kubeconfig, and no pod", "run inside a pod", "--kubeconfig", "--manifests"}},
		{"no such file", "/nowhere/kubeconfig", "", []string{"/nowhere/kubeconfig", "without --kubeconfig the file of the variable KUBECONFIG counts"}},
		{"no such context", kubeconfig(t, "flag"), "elsewhere", []string{`context "elsewhere" does not exist; the contexts are "here", "there"`}},
		{"a context of nothing", "", "elsewhere", []string{`context "elsewhere" does not exist; no kubeconfig that was found has any context`}},
		{"a broken file", broken, "", []string{broken, "is not a kubeconfig"}},
		{"a Secret", secret, "", []string{secret, "is a Secret, not a kubeconfig"}},
		{"an empty file", os.DevNull, "", []string{os.DevNull, "holds no cluster and no context"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _, err := kube.RESTConfig(tt.path, tt.context)
			if err == nil {
				t.Fatalf("got %s, want an error", cfg.Host)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			if given := tt.path != "" || tt.context != ""; given && strings.Contains(err.Error(), "name a file with --kubeconfig") {
				t.Errorf("got %q, which advises to give what was given", err)
			}
		})
	}
}

// TestErrorsHoldNothingOfAKubeconfig breaks a kubeconfig in every place where somebody may have put a secret.
func TestErrorsHoldNothingOfAKubeconfig(t *testing.T) {
	const secret = "canary-7f3a"
	config := func(cluster, user string) string {
		return fmt.Sprintf("current-context: x\nclusters:\n- name: c\n  cluster: {%s}\nusers:\n- name: u\n  user: {%s}\n"+
			"contexts:\n- name: x\n  context: {cluster: c, user: u}\n", cluster, user)
	}
	const good, nobody = "server: https://127.0.0.1:1", "token: t"
	for name, tt := range map[string]struct{ text, want string }{
		"a port in the server":         {config("server: 'https://me:"+secret+"/x'", nobody), "server: "},
		"an escape in the server":      {config("server: 'https://me:%zz"+secret+"@127.0.0.1:1'", nobody), "server: "},
		"a server without a host":      {config("server: 'https:///"+secret+"'", nobody), "server: "},
		"a port in the proxy":          {config(good+", proxy-url: 'http://me:"+secret+"/@proxy:1'", nobody), "proxy-url: "},
		"an escape in the proxy":       {config(good+", proxy-url: 'http://me:%zz"+secret+"@proxy:1'", nobody), "proxy-url: "},
		"a scheme of the proxy":        {config(good+", proxy-url: '"+secret+"://proxy:1'", nobody), "proxy-url: "},
		"a key in the path's place":    {config(good, "client-certificate: /dev/null, client-key: "+secret), "client-key: the file that it names cannot be read: no such file"},
		"a token in the path's place":  {config(good, "tokenFile: "+secret), "tokenFile: the file that it names cannot be read: no such file"},
		"a CA in the path's place":     {config(good+", certificate-authority: "+secret, nobody), "certificate-authority: the file"},
		"no base64":                    {config(good+", certificate-authority-data: '"+secret+"!'", nobody), "is not a kubeconfig"},
		"an alias instead of a token":  {config(good, "token: *"+secret), "is not a kubeconfig"},
		"a mapping instead of a token": {config(good, "token: {"+secret+": "+secret+"}"), "is not a kubeconfig"},
		"a list instead of a user":     {config(good, nobody) + "users: [" + secret + "]\n", "is not a kubeconfig"},
		"a mode of a plugin":           {config(good, "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: "+secret+"}"), "does kubectl work"},
		"two ways to authenticate":     {config(good, "token: "+secret+", username: u, password: "+secret), "does kubectl work"},
	} {
		t.Run(name, func(t *testing.T) {
			nowhere(t)
			path := filepath.Join(t.TempDir(), "kubeconfig")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := kube.RESTConfig(path, "")
			if err == nil {
				t.Fatal("got no error")
			}
			if told := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(told, secret) || !strings.Contains(told, tt.want) {
				t.Errorf("got %s, want %q, and nothing of the kubeconfig", told, tt.want)
			}
		})
	}
}

// TestThePasswordOfAnAddressIsNotShown has the address be one that can be used, and something else broken.
func TestThePasswordOfAnAddressIsNotShown(t *testing.T) {
	for _, host := range []string{"https://me:canary@127.0.0.1:1", "https://me:canary/@127.0.0.1:1", "me:canary%@x"} {
		cfg := &rest.Config{Host: host, TLSClientConfig: rest.TLSClientConfig{CAData: []byte("no certificate")}}
		_, err := kube.New(kube.Config{REST: cfg, LabelSelector: "a"})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v, want an error without the password", err)
		}
	}
}
