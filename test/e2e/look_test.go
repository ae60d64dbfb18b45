package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func inspectsThroughExec(t *testing.T, p *pod) {
	out := p.kubectl(t, "exec", podName, "--container", sidecar, "--", "/refresh-sidecar", "inspect", "--max-age", "15m")
	for _, target := range p.inspect(t).Targets {
		if !strings.Contains(out, target.Name) {
			t.Errorf("no word of %s in\n%s", target.Name, out)
		}
	}
	if strings.Contains(out, "not-for-the-log") {
		t.Errorf("a URL's path is shown:\n%s", out)
	}
}

// answersCurl asks at the pod's address, and as from a laptop, through kubectl port-forward. It asks until the status is a success, with
// what the watch has brought.
func answersCurl(t *testing.T, p *pod) {
	const path = "/api/v2/publishing/targets/status"
	for _, url := range []string{p.reach(t, podName) + path, p.forward(t, podName) + path} {
		want := len(p.inspect(t).Targets)
		until(t, "the status is a success", func() error {
			var status struct {
				Status       string `json:"status"`
				TargetsValid int    `json:"targets_valid"`
				Instance     string `json:"instance"`
			}
			body := curl(t, url)
			if err := json.Unmarshal([]byte(body), &status); err != nil {
				return fmt.Errorf("%w in %s", err, body)
			}
			if status.Status != "success" || status.TargetsValid != want || status.Instance != podName {
				return fmt.Errorf("got %+v, want success with %d targets of %s", status, want, podName)
			}
			return nil
		})
	}
}

// reach returns the URL of the sidecar in a pod. On a node that is this machine, that is the pod's address.
func (p *pod) reach(t *testing.T, name string) string {
	t.Helper()
	if p.foreign {
		return p.forward(t, name)
	}
	now, err := p.api.CoreV1().Pods(p.namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + now.Status.PodIP + ":8095"
}

// forward forwards a free port to that of the sidecar in a pod, and returns the URL.
func (p *pod) forward(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kubectl", "--namespace", p.namespace, "port-forward", "pod/"+name, ":8095") // #nosec G204 -- our own
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(first, "Forwarding from ")
	address, _, ok := strings.Cut(rest, " ->")
	if !ok {
		t.Fatalf("got %q", first)
	}
	return "http://" + address
}

// appCannotReadSecrets looks for a token wherever the app can look, and asks the API server from where the app is and as who it is.
func appCannotReadSecrets(t *testing.T, p *pod) {
	p.needNode(t, "it looks into the app's container, which has no shell")
	now := p.get(t)
	_, sidecarPID := cgroup(t, status(now, sidecar))
	_, appPID := cgroup(t, status(now, app))
	const token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", sidecarPID, token)); err != nil {
		t.Fatalf("the sidecar, which needs a token: %v", err) // or this test looks in the wrong place
	}
	root := fmt.Sprintf("/proc/%d/root", appPID)
	for _, dir := range []string{"/var", "/run", "/tmp", "/etc"} {
		err := filepath.WalkDir(root+dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && strings.Contains(path, "serviceaccount") {
				t.Errorf("the app has %s", strings.TrimPrefix(path, root))
			}
			return nil // what is not there, as /tmp in this image, holds no token
		})
		if err != nil {
			t.Error(err)
		}
	}
	if environ := read(t, fmt.Sprintf("/proc/%d/environ", appPID)); strings.Contains(environ, "eyJ") { // how a token begins
		t.Error("the app's environment has a token")
	}
	secrets := "https://10.0.0.1/api/v1/namespaces/" + p.namespace + "/secrets"
	as := []string{"--target", strconv.Itoa(appPID), "--net", "--setuid", "65533", "--setgid", "65533", "--",
		"curl", "--silent", "--insecure", "--max-time", "30", "--output", "/dev/null", "--write-out", "%{http_code}", secrets}
	if code, err := run(t.Context(), "nsenter", as...); err != nil || code != "403" {
		t.Errorf("the API server answers the app with %s, %v, want 403", code, err)
	}
	token1 := read(t, fmt.Sprintf("/proc/%d/root%s", sidecarPID, token))
	if code, err := run(t.Context(), "nsenter", append(as, "--header", "Authorization: Bearer "+token1)...); err != nil || code != "200" {
		t.Errorf("the API server answers the sidecar with %s, %v, want 200", code, err)
	}
}
