package readme_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// Each YAML block is read by what it is for, strictly.
func TestYAMLIsWhatItSays(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	namespace := plane.Namespace(t)
	kubeconfig := plane.WriteKubeconfig(t, plane.AdminUser(), namespace)
	for _, b := range ofKind(t, "yaml") {
		t.Run(b.Name(), func(t *testing.T) {
			switch {
			case has(b, "kind: Kustomization"):
				buildOverlay(t, b.Text)
			case has(b, "kind: "):
				applyObjects(t, kubeconfig, regexp.MustCompile(`namespace: (alert-history|team-a)\b`).ReplaceAllString(b.Text, "namespace: "+namespace))
			case has(b, "services:"):
				loadCompose(t, b.Text)
			case has(b, "basic_auth_users:"):
				serveWith(t, b.Text)
			case has(b, "scrape_configs:"):
				checkScrapes(t, b.Text)
			default:
				t.Errorf("nothing here knows what this is:\n%s", b.Text)
			}
		})
	}
}

// has reports whether a line of the block begins so.
func has(b block, beginning string) bool {
	return strings.Contains("\n"+b.Text, "\n"+beginning)
}

func write(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, path string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil { // #nosec G204 -- our own arguments
		t.Errorf("%s %s: %v\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
}

// applyObjects has the API server check the objects as kubectl apply would, unknown fields included. Secrets must hold targets without
// any fault or warning.
func applyObjects(t *testing.T, kubeconfig, text string) {
	t.Helper()
	path := write(t, t.TempDir(), "objects.yaml", text)
	run(t, controlplane.Program(t, binaries.Kubectl), "--kubeconfig", kubeconfig, "apply", "--dry-run=server", "--validate=strict", "-f", path)
	if strings.Contains(text, "kind: Secret") {
		run(t, sidecar.Binary(t), "validate", "--strict", path)
	}
}

// buildOverlay builds the overlay in the place of the example's, with the example's Deployment.
func buildOverlay(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy/kustomize"))); err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "example")
	write(t, overlay, "kustomization.yaml", text)
	run(t, controlplane.Program(t, binaries.Kubectl), "kustomize", overlay)
}

// loadCompose loads a Compose file with Compose's own library, whose schema knows all fields, and looks for the files that it mounts.
func loadCompose(t *testing.T, text string) {
	t.Helper()
	details := compose.ConfigDetails{WorkingDir: root, ConfigFiles: []compose.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}}}
	project, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) { o.SetProjectName("manual", true) })
	if err != nil {
		t.Fatal(err)
	}
	service, err := project.GetService("refresh-sidecar")
	if err != nil {
		t.Fatal(err)
	}
	run(t, sidecar.Binary(t), append(service.Command, "--help")...)
	for _, volume := range service.Volumes {
		if _, err := os.Stat(volume.Source); volume.Type == compose.VolumeTypeBind && err != nil {
			t.Error(err)
		}
	}
}

// serveWith starts the sidecar with the web configuration, on a certificate of its own.
func serveWith(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	writeCertificate(t, dir)
	path := write(t, dir, "web.yml", strings.ReplaceAll(text, "/etc/refresh-sidecar", dir))
	sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), "--manifests", filepath.Join(root, "deploy/examples"),
		"--web-config-file", path, "--probe-address", "127.0.0.1:0")
}

func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	write(t, dir, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// checkScrapes has promtool check the scrape configuration. It is built without Kubernetes' service discovery, which is one line here.
func checkScrapes(t *testing.T, text string) {
	t.Helper()
	const discovery = "    kubernetes_sd_configs:\n      - role: pod\n"
	if !strings.Contains(text, discovery) {
		t.Fatal("it does not look for pods")
	}
	text = strings.Replace(text, discovery, "    static_configs:\n      - targets: [127.0.0.1:8095]\n", 1)
	run(t, controlplane.Program(t, binaries.Promtool), "check", "config", write(t, t.TempDir(), "prometheus.yml", text))
}

// documents counts the documents of a YAML text, so that a block that is cut short does not pass as less.
func documents(t *testing.T, text string) (count int) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object map[string]any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return count
		} else if err != nil {
			t.Fatal(err)
		}
		count++
	}
}

// The four types of targets and the shapes that fit into a manifest are all there.
func TestSecretsOfEveryTypeAreShown(t *testing.T) {
	text := chapter(t, "README.md", "## Secrets")
	for _, typ := range []string{"slack", "pagerduty", "rootly", "webhook"} {
		if !regexp.MustCompile(`(?m)(^  type: |"type": ")` + typ).MatchString(text) {
			t.Errorf("no Secret of type %s is shown", typ)
		}
	}
	for _, shape := range []string{"\n  config: ", "target.json <<", "\n  api_key: ", "\n  auth_token: "} {
		if !strings.Contains(text, shape) {
			t.Errorf("no Secret has %q", shape)
		}
	}
	count := 0
	for _, b := range ofKind(t, "yaml") {
		if has(b, "kind: Secret") {
			count += documents(t, b.Text)
		}
	}
	if count < 4 {
		t.Errorf("got %d Secrets, want at least 4", count)
	}
}

// promtool parses each expression as the rule that somebody may make of it.
func TestPromQLParses(t *testing.T) {
	for _, b := range ofKind(t, "promql") {
		t.Run(b.Name(), func(t *testing.T) {
			expression := "        " + strings.ReplaceAll(strings.TrimSpace(b.Text), "\n", "\n        ")
			rule := "groups:\n  - name: manual\n    rules:\n    - record: manual:" + "expression\n      expr: |\n" + expression + "\n"
			run(t, controlplane.Program(t, binaries.Promtool), "check", "rules", write(t, t.TempDir(), "rules.yml", rule))
			for _, name := range regexp.MustCompile(`(publishing|targetsfile)_\w+`).FindAllString(b.Text, -1) {
				name = regexp.MustCompile(`_seconds_(bucket|sum|count)$`).ReplaceAllString(name, "_seconds") // of a histogram
				if !strings.Contains(read(t, "README.md"), "| `"+name+"` |") {
					t.Errorf("%s is not in the table of metrics", name)
				}
			}
		})
	}
}
