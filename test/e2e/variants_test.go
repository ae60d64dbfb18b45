package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/deploy"
)

// The components are added to a Deployment of two replicas, whose pods are found through the headless Service.
func TestADeploymentGetsTheSidecar(t *testing.T) {
	needNode(t)
	for _, component := range []string{"sidecar", "classic-sidecar"} {
		t.Run(component, func(t *testing.T) {
			t.Parallel() // starting takes the pods most of the time
			p := newPod(t, component)
			p.restrict(t)
			p.createSecrets(t, 3)
			overlay := deploy.Overlay{Component: component, Namespace: p.namespace, Files: []string{"service.yaml"}}
			p.kubectl(t, "apply", "--warnings-as-errors", "-k", overlay.Write(t))
			defer func() {
				if t.Failed() {
					out, err := run(t.Context(), "kubectl", "--namespace", p.namespace, "describe", "pods")
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

// restrict makes the namespace, with the strictest standard enforced.
func (p *pod) restrict(t *testing.T) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: p.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if _, err := p.api.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// pods are the names of the Deployment's pods.
func (p *pod) pods(t *testing.T) []string {
	t.Helper()
	return strings.Fields(p.kubectl(t, "get", "pods", "--output", "jsonpath={.items[*].metadata.name}"))
}

// eachAnswersForItself asks every pod behind the Service for a refresh, as service.yaml says.
func (p *pod) eachAnswersForItself(t *testing.T) {
	t.Helper()
	var addresses []string
	until(t, "the Service has both pods", func() error {
		addresses = strings.Fields(p.kubectl(t, "get", "endpointslices", "-l", "kubernetes.io/service-name=alert-history-sidecar",
			"--output", "jsonpath={.items[*].endpoints[*].addresses[0]}"))
		if len(addresses) != 2 {
			return fmt.Errorf("it has %v", addresses)
		}
		return nil
	})
	answered := map[string]bool{}
	for _, address := range addresses {
		var status struct{ Status, Instance string }
		body := curl(t, "--retry", "10", "--retry-connrefused", "-X", "POST", "http://"+address+":8095/api/v2/publishing/targets/refresh?wait=30s")
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
