package torture_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

func readBody(t *testing.T, response *http.Response) string {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestTheMarksAreFound makes sure that a search finds a canary in every encoding.
func TestTheMarksAreFound(t *testing.T) {
	m := &marks{fields: map[string]string{}}
	c := m.plant("f")
	for _, text := range []string{c, strings.ToUpper(c), "x" + c + "y", encodings(canary)[0], encodings(canary)[1], encodings("_" + canary)[1][1:], "..." + canary} {
		if len(m.find(text)) == 0 {
			t.Errorf("nothing is found in %q", text)
		}
	}
	if found := m.find("nothing is here"); len(found) > 0 {
		t.Errorf("found %v in nothing", found)
	}
}

// TestCommandsTellNothingSecret runs the commands for people on the same Secrets, as manifests, and on files that are broken.
func TestCommandsTellNothingSecret(t *testing.T) {
	t.Parallel()
	m := &marks{fields: map[string]string{}}
	f := begin(t, &fault{Area: "secrecy", Name: "inspect, validate, --once, faults of the configuration",
		Made: "the same Secrets as manifests, whole and broken files, broken kubeconfigs and token files", Holds: "no canary in any output"})
	dir := manifestsOf(t, m.secrets())
	path := filepath.Join(t.TempDir(), "targets.json")
	broken := brokenFiles(t, m)
	look := func(want int, args ...string) {
		cmd := exec.CommandContext(t.Context(), sidecar.Binary(t), args...) // #nosec G204 -- the program under test
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%v: got exit code %d, want %d: %.500s", args, code, want, out)
		}
		if found := m.find(string(out)); len(found) > 0 {
			f.violation("%v tells %v: %.2000s", args, found, out)
		}
		f.run()
	}
	once := []string{"run", "--once", "--max-retries=0", "--snapshot-path", path, "--log-level=debug"}
	look(0, append(once, "--manifests", dir)...)
	for _, format := range []string{"table", "json", "yaml"} {
		look(0, "inspect", "-o", format, path)
		look(1, "inspect", "-o", format, broken["snapshot"])
	}
	for _, format := range []string{"text", "json"} {
		look(1, "validate", "-o", format, dir)
		look(1, "validate", "--strict", "-o", format, dir, broken["manifest"])
	}
	look(1, append(once, "--manifests", broken["manifest"])...)
	for _, kind := range []string{"kubeconfig", "kubeconfig of no YAML"} {
		look(1, append(once, "--kubeconfig", broken[kind])...)
	}
	for _, kind := range []string{"web config", "web config of other types"} {
		look(2, "run", "--manifests", dir, "--snapshot-path", path, "--web-config-file", broken[kind])
	}
}

// manifestsOf writes Secrets as YAML.
func manifestsOf(t *testing.T, secrets map[string]map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range secrets {
		text, err := yaml.Marshal(corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"publishing-target": "true"}},
			StringData: data,
		})
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name+".yaml"), string(text))
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// brokenFiles are files that cannot be read as what they should be, with canaries where they break.
func brokenFiles(t *testing.T, m *marks) map[string]string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"snapshot": fmt.Sprintf(`{"schema_version":1,"epoch":"e","targets":[{"url":"https://example.com/%s"`, m.plant("snapshot that is cut")),
		"manifest": fmt.Sprintf("apiVersion: v1\nkind: Secret\nstringData:\n  url: \"https://example.com/%s\n  x: [%s\n", m.plant("manifest"), m.plant("manifest")),
		"kubeconfig": fmt.Sprintf(`{"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1","certificate-authority-data":%q}}],`+
			`"users":[{"name":"u","user":{"token":%q}}],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"current-context":"x"}`,
			m.plant("CA"), m.plant("token of a kubeconfig")),
		"kubeconfig of no YAML":     fmt.Sprintf("users: [{name: u, user: {token: %s}\n\t%s", m.plant("token of a broken kubeconfig"), m.plant("broken kubeconfig")),
		"web config of other types": fmt.Sprintf("basic_auth_users: %s\ntls_server_config: [%s]\n", m.plant("password"), m.plant("key")),
		"web config":                fmt.Sprintf("basic_auth_users:\n  alice: [%s\n  %s", m.plant("password"), m.plant("password")),
	}
	paths := map[string]string{}
	for name, text := range files {
		paths[name] = filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if name == "manifest" {
			paths[name] += ".yaml"
		}
		writeFile(t, paths[name], text)
	}
	return paths
}
