package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/deploy"
)

// Each way of deploy/ gives a Deployment of two replicas the sidecar. Their pods are found through the headless Service.
func TestADeploymentGetsTheSidecar(t *testing.T) {
	t.Parallel()
	kustomize := func(component string) func(*pod, *testing.T) {
		return func(p *pod, t *testing.T) { p.kustomize(t, component) }
	}
	for way, install := range map[string]func(*pod, *testing.T){
		"sidecar":         kustomize("sidecar"),
		"classic-sidecar": kustomize("classic-sidecar"),
		"helm":            (*pod).helm,
		"inject":          (*pod).inject,
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel() // starting takes the pods most of the time
			p := newPod(t, way)
			p.restrict(t)
			p.createSecrets(t, 3)
			install(p, t)
			defer func() {
				if t.Failed() {
					out, err := run(t.Context(), "kubectl", "--namespace", p.namespace, "describe", "deployments,pods")
					t.Logf("%v\n%s", err, out)
				}
			}()
			p.kubectl(t, "rollout", "status", "deployment/alert-history", "--timeout", patience.String())
			p.eachAnswersForItself(t)
			pods := p.pods(t)
			for _, pod := range pods {
				until(t, "the app prints the targets", func() error {
					out := p.kubectl(t, "logs", pod, "--container", app)
					if !strings.HasPrefix(out, "waiting for targets\ngeneration 1, 3 targets\n") {
						return fmt.Errorf("%s prints\n%s", pod, out)
					}
					return nil
				})
			}
			p.kubectl(t, "delete", "deployment", "alert-history")
		})
	}
}

// kustomize applies the example with a component.
func (p *pod) kustomize(t *testing.T, component string) {
	overlay := deploy.Overlay{Component: component, Namespace: p.namespace, Files: []string{"service.yaml"}}.Write(t)
	p.withImagesIn(t, filepath.Dir(overlay))
	p.kubectl(t, "apply", "--warnings-as-errors", "-k", overlay)
}

// helm installs the example of the chart.
func (p *pod) helm(t *testing.T) {
	p.applyHere(t, read(t, deployDir, "service.yaml"))
	colon := strings.LastIndex(p.sidecar, ":")
	if colon < 0 {
		t.Fatalf("the image %s has no tag", p.sidecar)
	}
	deploy.Helm(t, "install", "alert-history", filepath.Join(deploy.Charts(t), "example"), "--namespace", p.namespace, "--set", "image="+p.app,
		"--set", "refresh-sidecar.image.repository="+p.sidecar[:colon], "--set-string", "refresh-sidecar.image.tag="+p.sidecar[colon+1:])
}

// inject applies a Deployment that has nothing of the sidecar but the label which asks for it. At first the label is a wrong one, and the
// Deployment says so.
func (p *pod) inject(t *testing.T) {
	p.createPolicies(t)
	p.applyHere(t, read(t, deployDir, "rights.yaml")+"---\n"+read(t, deployDir, "service.yaml"))
	const key = "refresh-sidecar.alert-history.io/inject"
	until(t, "the policies hold", func() error {
		_, err := run(t.Context(), "kubectl", "--namespace", "default", "run", "asks", "--dry-run=server", "--image=none", "--labels="+key+"=maybe")
		if err == nil || !strings.Contains(err.Error(), `is "maybe"`) {
			return fmt.Errorf("a wrong label: got %v", err)
		}
		return nil
	})
	deployment := read(t, deployDir, "kustomize/example/deployment.yaml")
	labels := regexp.MustCompile(`(?m)^      labels:\n`)
	if !labels.MatchString(deployment) {
		t.Fatalf("the pods have no labels in\n%s", deployment)
	}
	p.applyHere(t, labels.ReplaceAllString(deployment, "$0        "+key+": maybe\n"))
	until(t, "the Deployment says why it has no pods", func() error {
		why := p.kubectl(t, "get", "deployment", "alert-history", "--output", `jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}`)
		if !strings.Contains(why, `is "maybe"; say "true"`) {
			return fmt.Errorf("it says %q", why)
		}
		return nil
	})
	p.applyHere(t, labels.ReplaceAllString(deployment, "$0        "+key+": \"true\"\n"))
}

// createPolicies creates the policies until the test ends: they are the cluster's, and so one that exists is somebody else's.
func (p *pod) createPolicies(t *testing.T) {
	t.Helper()
	served, err := p.api.Discovery().ServerResourcesForGroupVersion("admissionregistration.k8s.io/v1")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Kind == "MutatingAdmissionPolicy" }) {
		t.Skip("NOT RUN: this Kubernetes serves no MutatingAdmissionPolicy as v1")
	}
	file := p.write(t, read(t, deployDir, "inject/policy.yaml"))
	p.kubectl(t, "create", "-f", file)
	t.Cleanup(func() {
		if _, err := run(context.Background(), "kubectl", "delete", "-f", file); err != nil {
			t.Error(err)
		}
	})
}

// applyHere applies objects in the pod's namespace instead of the one that they name.
func (p *pod) applyHere(t *testing.T, text string) {
	t.Helper()
	p.kubectl(t, "apply", "--warnings-as-errors", "-f", p.write(t, text))
}

// write writes a file of deploy/ with the pod's namespace and the cluster's images.
func (p *pod) write(t *testing.T, text string) (file string) {
	t.Helper()
	text = strings.ReplaceAll(text, "namespace: alert-history", "namespace: "+p.namespace)
	text = strings.Replace(text, "kind: Namespace\nmetadata:\n  name: alert-history\n", "kind: Namespace\nmetadata:\n  name: "+p.namespace+"\n", 1)
	file = filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(p.withImages(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pods are the names of the Deployment's pods.
func (p *pod) pods(t *testing.T) []string {
	t.Helper()
	return strings.Fields(p.kubectl(t, "get", "pods", "--output", "jsonpath={.items[*].metadata.name}"))
}

// eachAnswersForItself asks every pod behind the Service for a refresh, as service.yaml says.
func (p *pod) eachAnswersForItself(t *testing.T) {
	t.Helper()
	var names []string
	until(t, "the Service has both pods", func() error {
		names = strings.Fields(p.kubectl(t, "get", "endpointslices", "-l", "kubernetes.io/service-name=alert-history-sidecar",
			"--output", "jsonpath={.items[*].endpoints[*].targetRef.name}"))
		if len(names) != 2 {
			return fmt.Errorf("it has %v", names)
		}
		return nil
	})
	answered := map[string]bool{}
	for _, name := range names {
		var status struct{ Status, Instance string }
		body := curl(t, "--retry", "10", "--retry-connrefused", "-X", "POST", p.reach(t, name)+"/api/v2/publishing/targets/refresh?wait=30s")
		if err := json.Unmarshal([]byte(body), &status); err != nil || status.Status != "success" {
			t.Errorf("got %v, %s", err, body)
		}
		answered[status.Instance] = true
	}
	want := p.pods(t)
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(answered)); !slices.Equal(got, want) {
		t.Errorf("%v answered, want %v", got, want)
	}
}
