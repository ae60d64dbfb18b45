package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The first line of the table of sizes is the example.
func TestTheTableOfSizesBeginsWithTheExample(t *testing.T) {
	text, err := os.ReadFile(deployDir + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	pod, sidecar := example(t)
	limits := sidecar.Resources
	want := []string{"GOMEMLIMIT=" + sidecar.Env[1].Value, limits.Requests.Memory().String(), limits.Limits.Memory().String(), pod.Volumes[0].EmptyDir.SizeLimit.String()}
	line := regexp.MustCompile("(?m)^\\| up to [0-9 ]+ \\| `(\\S+)` \\| `(\\S+)` \\| `(\\S+)` \\| `(\\S+)` \\|").FindSubmatch(text)
	if line == nil {
		t.Fatal("deploy/README.md has no table of sizes")
	}
	got := []string{sidecar.Env[1].Name + "=" + string(line[1]), string(line[2]), string(line[3]), string(line[4])}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the table says %s, the example %s", got[i], want[i])
		}
	}
}

// Selectors of pods and names of ports elsewhere in deploy/ are those of the example.
func TestSelectorsAndPortsFindTheExample(t *testing.T) {
	pod := typed[corev1.Pod](t, documents(t, deployDir+"pod-example.yaml"), "Pod")
	port := pod.Spec.InitContainers[0].Ports[0]
	if want := pod.Annotations["prometheus.io/port"]; want != "8095" || port.ContainerPort != 8095 {
		t.Errorf("got port %d and annotation %s", port.ContainerPort, want)
	}
	service := typed[corev1.Service](t, documents(t, deployDir+"service.yaml"), "Service")
	if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) || service.Spec.Ports[0].TargetPort.String() != port.Name {
		t.Errorf("the Service does not find the pod: %+v", service.Spec)
	}
	policy := typed[networkingv1.NetworkPolicy](t, documents(t, deployDir+"networkpolicy.yaml"), "NetworkPolicy")
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil {
		t.Fatal(err)
	}
	if !selector.Matches(labels.Set(pod.Labels)) || policy.Spec.Ingress[0].Ports[0].Port.String() != port.Name {
		t.Errorf("the NetworkPolicy does not find the pod: %+v", policy.Spec)
	}
	monitor := typed[monitoringv1.PodMonitor](t, documents(t, deployDir+"prometheus-operator/pod-monitor.yaml"), "PodMonitor")
	selector, err = metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	if !selector.Matches(labels.Set(pod.Labels)) || *monitor.Spec.PodMetricsEndpoints[0].Port != port.Name {
		t.Errorf("the PodMonitor does not find the pod: %+v", monitor.Spec)
	}
	for _, object := range []metav1.Object{&pod, &service, &policy} {
		if object.GetNamespace() != "alert-history" {
			t.Errorf("%s is in namespace %s", object.GetName(), object.GetNamespace())
		}
	}
}

// Wherever the sidecar's flags stand, the same two sentences say what no target means, and nothing asks for one.
func TestWhatNoTargetMeansIsSaidEverywhere(t *testing.T) {
	const words = "No target is a state like any other: the app starts without one, and the first Secret is live at once. Set --min-targets=1 for an app " +
		"that must never run without one: then a start or a deletion that leaves none waits, and so does a rollout with a mistyped label."
	for _, file := range []string{
		"pod-example.yaml", "kustomize/sidecar/sidecar.yaml", "kustomize/classic-sidecar/first-targets.yaml", "kustomize/classic-sidecar/sidecar.yaml",
		"helm/refresh-sidecar/values.yaml", "helm/extra-values.yaml", "inject/policy.yaml",
	} {
		text, err := os.ReadFile(deployDir + file)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(regexp.MustCompile(`(?m)^\s*#`).ReplaceAllString(string(text), "")), " "); !strings.Contains(got, words) {
			t.Errorf("%s does not say %q", file, words)
		}
	}
	if _, sidecar := example(t); len(sidecar.Args) != 0 {
		t.Errorf("the example, with which the others are compared, has flags: %v", sidecar.Args)
	}
}

func TestTheRightsByThemselvesAreTheExamples(t *testing.T) {
	sameRights(t, documents(t, deployDir+"rights.yaml"))
}
