package sidecar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

func TestMain(m *testing.M) {
	controlplane.Main(m)
}

// world is a namespace with a user who may do there what deploy/pod-example.yaml grants.
type world struct {
	t          *testing.T
	plane      *controlplane.Plane
	admin      kubernetes.Interface
	namespace  string
	user       controlplane.User
	kubeconfig string
	path       string
}

func newWorld(t *testing.T, plane *controlplane.Plane) *world {
	t.Helper()
	w := &world{t: t, plane: plane, admin: plane.Admin(), namespace: plane.Namespace(t), user: plane.User(t),
		path: filepath.Join(t.TempDir(), "targets.json")}
	plane.Grant(t, w.user, w.namespace, sidecar.ExampleRole(t).Rules[0].Verbs...)
	w.kubeconfig = plane.WriteKubeconfig(t, w.user, w.namespace)
	return w
}

// start runs a sidecar on the namespace. The kubeconfig names the namespace, so that no flag has to.
func (w *world) start(args ...string) *sidecar.Process {
	w.t.Helper()
	return sidecar.Start(w.t, w.path, append([]string{"--kubeconfig", w.kubeconfig, "--rate-limit", "0"}, args...)...)
}

// put creates or replaces a Secret with flat keys.
func (w *world) put(name string, data map[string]string) {
	w.t.Helper()
	secrets := w.admin.CoreV1().Secrets(w.namespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"publishing-target": "true"}},
		StringData: data,
	}
	old, err := secrets.Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		_, err = secrets.Create(w.t.Context(), secret, metav1.CreateOptions{})
	} else {
		old.Data, old.StringData = nil, data
		_, err = secrets.Update(w.t.Context(), old, metav1.UpdateOptions{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// webhook puts a Secret that yields a target of the same name.
func (w *world) webhook(name string) {
	w.t.Helper()
	w.put(name, map[string]string{"type": "webhook", "url": "https://example.com/" + name})
}

func (w *world) delete(name string) {
	w.t.Helper()
	if err := w.admin.CoreV1().Secrets(w.namespace).Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func expectNames(t *testing.T, p *sidecar.Process, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, p.Names()); diff != "" {
		t.Errorf("published targets (-want +got):\n%s", diff)
	}
}

func TestAllShapesOfTheExamplesArePublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	files, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("got %d examples, %v", len(files), err)
	}
	want := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(data), "\n---\n") {
			var secret corev1.Secret
			if err := yaml.UnmarshalStrict([]byte(document), &secret); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			secret.Namespace = w.namespace
			if _, err := w.admin.CoreV1().Secrets(w.namespace).Create(t.Context(), &secret, metav1.CreateOptions{}); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			want++
		}
	}
	p := w.start()
	p.Until("publishes", func() error { return ready(p) })
	d := p.Document()
	if len(d.Entries) != want || d.Valid != want || d.Invalid != 0 {
		t.Errorf("got %d targets, %d valid, %d invalid of %d: %v", len(d.Entries), d.Valid, d.Invalid, want, d.Rejections)
	}
	types := map[string]bool{}
	for _, e := range d.Entries {
		types[e.Type] = true
		if e.SecretUID == "" || !strings.HasPrefix(e.Secret, w.namespace+"/") {
			t.Errorf("%s comes from Secret %q with UID %q", e.Name, e.Secret, e.SecretUID)
		}
	}
	if len(types) != 4 {
		t.Errorf("got types %v, want all four", types)
	}
	if diff := cmp.Diff([]string{w.namespace}, d.Source.Namespaces); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
}

func ready(p *sidecar.Process) error {
	if code, body := p.Do(http.MethodGet, "/readyz"); code != http.StatusOK {
		return fmt.Errorf("readyz answered %d: %s", code, body)
	}
	return nil
}

// idle fails while a refresh runs.
func idle(p *sidecar.Process) error {
	if s := p.Status(); s.State == "in_progress" || s.State == "idle" {
		return errors.New(s.State)
	}
	return nil
}

func TestManySecretsAreAllFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	const count = 2500 // five pages
	sidecar.CreateSecrets(t, w.plane, w.namespace, count)
	p := w.start()
	p.Until("publishes", func() error { return ready(p) })
	names := p.Names()
	if len(names) != count || names[0] != "t-00000" || names[count-1] != "t-02499" || len(slices.Compact(names)) != count {
		t.Errorf("got %d targets from %s to %s, want %d", len(names), names[0], names[len(names)-1], count)
	}
}

func TestABrokenSecretIsNamedAndKeepsItsTargetADeletedOneGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a")
	w.webhook("b")
	p := w.start()
	p.Until("publishes", func() error { return ready(p) })
	expectNames(t, p, "a", "b")

	w.put("a", map[string]string{"type": "webhook", "url": "canary-secret-value"})
	w.delete("b")
	status := p.Refresh()
	expectNames(t, p, "a'")
	if status.State != "success" || status.Invalid != 1 || len(status.Rejections) != 1 {
		t.Fatalf("got status %+v", status)
	}
	if r := status.Rejections[0]; r.Secret != w.namespace+"/a" || r.Reason != "validate" || r.Serving != "last_good" || !strings.HasPrefix(r.Message, "url: ") {
		t.Errorf("got rejection %+v", r)
	}
	expectNoSecret(t, p, "canary-secret-value")

	w.webhook("a")
	p.Refresh()
	expectNames(t, p, "a")
}

// expectNoSecret looks for a value in everything that the sidecar says.
func expectNoSecret(t *testing.T, p *sidecar.Process, value string) {
	t.Helper()
	for _, path := range []string{"/api/v2/publishing/targets/status", "/metrics", "/healthz", "/readyz"} {
		if _, body := p.Do(http.MethodGet, path); strings.Contains(body, value) {
			t.Errorf("%s holds a Secret's value:\n%s", path, body)
		}
	}
	for _, line := range p.Logs("") {
		if text, err := json.Marshal(line); err != nil || strings.Contains(string(text), value) {
			t.Errorf("the log holds a Secret's value: %s (%v)", text, err)
		}
	}
}

func TestARightTakenAwayLosesNothingAndIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a")
	p := w.start("--refresh-interval", "1s", "--retry-backoff", "1s")
	p.Until("publishes", func() error { return ready(p) })
	w.plane.Revoke(t, w.user, w.namespace)
	p.Until("fails for good", func() error {
		if s := p.Status(); s.State != "failed" || s.ErrorClass != "permanent" {
			return fmt.Errorf("status %s, class %s", s.State, s.ErrorClass)
		}
		return nil
	})
	if s := p.Status(); !strings.Contains(s.Hint, "list") || !strings.Contains(s.Hint, w.namespace) {
		t.Errorf("got hint %q, want the missing right and the namespace", s.Hint)
	}
	expectNames(t, p, "a")
	if err := ready(p); err != nil {
		t.Error(err)
	}
	w.plane.Grant(t, w.user, w.namespace, "list")
	p.Until("recovers", func() error {
		if s := p.Status(); s.State != "success" || s.Failures != 0 {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
}

func TestATokenThatIsNotAcceptedIsToldApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	unknown := w.user
	unknown.Token = "canary-token-value"
	p := sidecar.Start(t, w.path, "--kubeconfig", w.plane.WriteKubeconfig(t, unknown, w.namespace))
	p.Until("fails", func() error {
		if s := p.Status(); s.Failures < 2 {
			return fmt.Errorf("%d failures", s.Failures)
		}
		return nil
	})
	if s := p.Status(); s.ErrorClass != "permanent" || !strings.Contains(s.Error, "401") || !strings.Contains(s.Hint, "token") {
		t.Errorf("got %s: %q, hint %q; want 401, permanent, and what to do about the token", s.ErrorClass, s.Error, s.Hint)
	}
	if code, _ := p.Do(http.MethodGet, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("readyz: got %d without a snapshot, want 503", code)
	}
	expectNoSecret(t, p, unknown.Token)
}

// TestAMistypedNamespaceLosesNothing asks for a namespace that is not there, for which the API server has 200 and an empty list: in the place of
// a sidecar that had found a target, and in a new pod.
func TestAMistypedNamespaceLosesNothing(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	w := newWorld(t, plane)
	w.webhook("a")
	kubeconfig := plane.WriteKubeconfig(t, plane.AdminUser(), w.namespace)
	good := sidecar.Start(t, w.path, "--kubeconfig", kubeconfig, "--namespace", w.namespace)
	good.Until("publishes", func() error { return ready(good) })
	good.Terminate()
	for _, c := range []struct {
		path, guard, want string
		targets           int
	}{
		{w.path, "0", "found no target (kubernetes, namespaces " + w.namespace + "-typo", 1},
		{filepath.Join(t.TempDir(), "targets.json"), "1", "found 0 targets, --min-targets requires 1", 0},
	} {
		p := sidecar.Start(t, c.path, "--kubeconfig", kubeconfig, "--namespace", w.namespace+"-typo", "--min-targets", c.guard)
		p.Until("fails", func() error {
			if s := p.Status(); !strings.Contains(s.Error, c.want) {
				return errors.New(s.Error)
			}
			return nil
		})
		targets := 0
		if d := p.Document(); d != nil {
			targets = len(d.Entries)
		}
		if targets != c.targets {
			t.Errorf("--min-targets %s: got %d published targets, want %d", c.guard, targets, c.targets)
		}
	}
}

func TestSecretsOfTwoNamespacesOneForbidden(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	w := newWorld(t, plane)
	w.webhook("a")
	other := plane.Namespace(t)
	plane.Grant(t, w.user, other, "list")
	p := w.start("--namespace", w.namespace, "--namespace", other)
	p.Until("publishes", func() error { return ready(p) })
	plane.Revoke(t, w.user, other)
	w.webhook("b")
	status := p.Refresh()
	expectNames(t, p, "a", "b")
	if status.State != "failed" || !strings.Contains(status.Error, other) || strings.Contains(status.Error, w.namespace+":") {
		t.Errorf("got %s: %q, want a failure that names %s only", status.State, status.Error, other)
	}
}

func TestAllNamespaces(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	w := newWorld(t, plane)
	label := "e2e=" + w.namespace // other tests' Secrets are in the same cluster
	for _, namespace := range []string{w.namespace, plane.Namespace(t)} {
		_, err := plane.Admin().CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "s", Labels: map[string]string{"e2e": w.namespace}},
			StringData: map[string]string{"name": "t-" + namespace[len(namespace)-5:], "type": "webhook", "url": "https://example.com"},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	kubeconfig := plane.WriteKubeconfig(t, plane.AdminUser(), "default")
	p := sidecar.Start(t, w.path, "--kubeconfig", kubeconfig, "--all-namespaces", "--label-selector", label)
	p.Until("publishes", func() error { return ready(p) })
	if d := p.Document(); len(d.Entries) != 2 || d.Source.Namespaces == nil || len(d.Source.Namespaces) != 0 {
		t.Errorf("got %d targets of source %+v, want 2 of all namespaces", len(d.Entries), d.Source)
	}
}

func TestAnAPIServerThatIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	w := newWorld(t, private.Plane)
	w.webhook("a")
	p := w.start("--refresh-interval", "2s", "--refresh-timeout", "2s", "--retry-backoff", "1s")
	p.Until("publishes", func() error { return ready(p) })
	if err := private.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	p.Until("notices", func() error {
		if s := p.Status(); s.Failures < 3 || s.ErrorClass != "transient" {
			return fmt.Errorf("%d failures, class %s", s.Failures, s.ErrorClass)
		}
		return nil
	})
	expectNames(t, p, "a")

	restarted := w.start("--startup-backoff", "1s") // with the API server away, and a snapshot on disk
	if err := ready(restarted); err != nil {
		t.Errorf("started beside a good snapshot: %v", err)
	}
	restarted.Kill()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := private.StartAPIServer(ctx); err != nil {
		t.Fatal(err)
	}
	w.webhook("b")
	p.Until("recovers", func() error {
		if diff := cmp.Diff([]string{"a", "b"}, p.Names()); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

func TestAHungAPIServerTimesOutAndDoesNotDelayShutdown(t *testing.T) {
	t.Parallel()
	private := controlplane.StartPrivate(t)
	w := newWorld(t, private.Plane)
	w.webhook("a")
	p := w.start("--refresh-timeout", "1s")
	p.Until("publishes", func() error { return ready(p) })
	timeouts := p.Metric("publishing_refresh_errors_total", "error_type", "timeout") // an API server that has just started is slow
	if err := private.PauseAPIServer(); err != nil {
		t.Fatal(err)
	}
	status := p.Refresh()
	if status.State != "failed" || status.ErrorClass != "transient" {
		t.Errorf("got status %+v", status)
	}
	if got := p.Metric("publishing_refresh_errors_total", "error_type", "timeout") - timeouts; got != 1 {
		t.Errorf("got %v timeouts, want that it is counted as one", got)
	}
	hung := w.start("--refresh-timeout", "10m", "--shutdown-timeout", "1s")
	code, took := hung.Terminate()
	if code != 0 || took > 30*time.Second {
		t.Errorf("SIGTERM in the middle of a hung LIST: got exit code %d after %s", code, took)
	}
	if err := private.ResumeAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := targetsfile.ReadFile(w.path); err != nil {
		t.Error(err)
	}
}
