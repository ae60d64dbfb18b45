package readme_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// tools are what the manual's commands may use beside the stands.
func tools() []string { return []string{"bash", "cat", "grep", "mkdir"} }

// desk is where the commands run: a directory with what they read of this repository, a sidecar, and an API server.
type desk struct {
	dir string
	env []string
}

func newDesk(t *testing.T, plane *controlplane.Plane) *desk {
	t.Helper()
	kubectl := controlplane.Program(t, binaries.Kubectl)
	d := &desk{dir: t.TempDir()}
	for _, dir := range []string{"deploy"} {
		if err := os.CopyFS(filepath.Join(d.dir, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			t.Fatal(err)
		}
	}
	binary := sidecar.Binary(t)
	// What `make run` and `make build` leave.
	link(t, binary, filepath.Join(d.dir, "bin", "refresh-sidecar"))
	if err := os.Mkdir(filepath.Join(d.dir, "run"), 0o750); err != nil {
		t.Fatal(err)
	}
	examples, snapshot := filepath.Join(d.dir, "deploy/examples"), filepath.Join(d.dir, "run/targets.json")
	if out, err := exec.CommandContext(t.Context(), binary, "--once", "--manifests", examples, "--snapshot-path", snapshot).CombinedOutput(); err != nil { // #nosec G204 -- the program under test
		t.Fatalf("%v\n%s", err, out)
	}
	running := sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), "--manifests", examples, "--rate-limit", "0", "--pprof-address", "127.0.0.1:0")
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	d.env = []string{
		"PATH=" + d.path(t), "HOME=" + os.Getenv("HOME"), "KUBECONFIG=" + plane.WriteKubeconfig(t, plane.AdminUser(), "default"),
		varRoot + "=" + absolute, varBinary + "=" + binary, varKubectl + "=" + kubectl, varPath + "=" + os.Getenv("PATH"),
		varAddress + "=" + strings.TrimPrefix(running.URL, "http://"), varPprof + "=" + running.Logs("started")[0]["pprof_address"].(string),
	}
	return d
}

// path makes a directory with the stands and tools, and nothing else: a command that nobody here knows is not found.
func (*desk) path(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range stands() {
		link(t, self, filepath.Join(dir, name))
	}
	for _, name := range tools() {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		link(t, path, filepath.Join(dir, name))
	}
	return dir
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(from), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
}

// run runs a script as a person would type it; placeholders get the example's names.
func (d *desk) run(t *testing.T, script string) (string, error) {
	t.Helper()
	script = regexp.MustCompile(`\b(NAMESPACE|POD)\b`).ReplaceAllString(script, "alert-history")
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script+"\nwait\n") // #nosec G204 -- commands of our own manual
	cmd.Dir, cmd.Env = d.dir, d.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// runElsewhere is the comment above a block that a test of another package runs.
var runElsewhere = regexp.MustCompile(`^<!-- run by (Test\w+)`)

// What a person may copy out of the manual works, in the order in which it stands there.
func TestCommandsRun(t *testing.T) {
	t.Parallel()
	d, declared := newDesk(t, controlplane.StartPrivate(t).Plane), declaredTests(t)
	for _, b := range ofKind(t, "sh", "console") {
		t.Run(b.Name(), func(t *testing.T) {
			test := runElsewhere.FindStringSubmatch(b.Before)
			switch {
			case test != nil && !declared[test[1]]:
				t.Errorf("%s is not there", test[1])
			case test != nil:
			case strings.HasPrefix(b.Text, "docker "):
				expectInDockerfile(t, b)
			case b.Language == "console":
				d.converse(t, b.Text)
			default:
				if out, err := d.run(t, b.Text); err != nil {
					t.Errorf("%v\n%s\nof\n%s", err, out, b.Text)
				}
			}
		})
	}
}

// expectInDockerfile holds a command of a container engine, which no test runs, to what the Dockerfile says of itself. Package image holds
// the Dockerfile to the image. The text must say that nobody has run the command.
func expectInDockerfile(t *testing.T, b block) {
	t.Helper()
	if want := "No test runs this command"; !strings.Contains(b.Before, want) {
		t.Errorf("got %q before a command that is only compared, want %q in it", b.Before, want)
	}
	if !strings.Contains(read(t, "Dockerfile"), strings.TrimSpace(b.Text)) {
		t.Errorf("the Dockerfile does not say: %s", b.Text)
	}
}

// TestUnknownCommandsFail makes sure that the desk fails where a command is unknown, is refused or finds nothing.
func TestUnknownCommandsFail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, controlplane.Get(t))
	for _, script := range []string{
		"helm install x", "make nowhere", "kubectl -n NAMESPACE exec POD --colour red -- /refresh-sidecar inspect",
		"kubectl exec POD -- /refresh-sidecar inspect --colour", "kubectl exec POD -- sh", "refresh-sidecar --colour", "go run ./cmd/nothing",
		"go run ./examples/app run/nothing.json", "docker run x", "curl -s http://localhost:8095/nowhere", "kubectl apply -f deploy/nothing.yaml",
	} {
		if out, err := d.run(t, script); err == nil {
			t.Errorf("%s: got no error\n%s", script, out)
		}
	}
}

// volatile is what differs between two runs.
var volatile = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "EPOCH"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \([^)]*\)`), "TIME"},
	{regexp.MustCompile(`sha256:([0-9a-f]{64}|[0-9a-f]+…)`), "CHECKSUM"},
	{regexp.MustCompile(`generation +\d+`), "GENERATION"},
	{regexp.MustCompile(`(?m) +$`), ""},
}

// converse runs the commands of a console one by one and compares what they print.
func (d *desk) converse(t *testing.T, text string) {
	t.Helper()
	for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
		var script, want []string
		for line := range strings.Lines(part) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case len(script) == 0:
				script = append(script, line)
			case len(want) == 0 && strings.HasPrefix(line, "> "):
				script = append(script, strings.TrimPrefix(line, "> "))
			default:
				want = append(want, line)
			}
		}
		out, _ := d.run(t, strings.Join(script, "\n")) // what it prints says whether it went well
		if diff := cmp.Diff(steady(strings.Join(want, "\n")), steady(out)); diff != "" {
			t.Errorf("%s (-shown +got):\n%s\n%s", script[0], diff, out)
		}
	}
}

// steady returns what does not differ between two runs, by lines.
func steady(text string) []string {
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.shown)
	}
	return strings.Split(strings.TrimSpace(text), "\n")
}
