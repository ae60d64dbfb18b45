package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/alert-history/refresh-sidecar/test/deploy"
)

// render is what helm makes of a chart with values, for a namespace.
func render(t *testing.T, chart, namespace, values string) []*unstructured.Unstructured {
	t.Helper()
	return parse(t, deploy.Helm(t, "template", "history", chart, "--namespace", namespace, "--values", valuesFile(t, values)))
}

func valuesFile(t *testing.T, values string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(path, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// isTheExamples compares a Deployment's pods with the example's.
func isTheExamples(t *testing.T, got corev1.PodSpec) {
	t.Helper()
	want, sidecar := example(t)
	for name, pair := range map[string][2]any{
		"sidecar":    {[]corev1.Container{sidecar}, got.InitContainers},
		"volumes":    {want.Volumes, got.Volumes},
		"app mounts": {want.Containers[0].VolumeMounts, got.Containers[0].VolumeMounts},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-pod-example.yaml +chart):\n%s", name, diff)
		}
	}
}

func TestTheChartsPassTheStrictLint(t *testing.T) {
	charts := deploy.Charts(t)
	for _, name := range []string{"refresh-sidecar", "example"} {
		if out := deploy.Helm(t, "lint", "--strict", filepath.Join(charts, name)); strings.Contains(out, "[WARNING]") {
			t.Error(out)
		}
	}
}

func TestTheChartAddsTheExamplesSidecar(t *testing.T) {
	c := newCluster(t)
	namespace := c.plane.Namespace(t)
	objects := render(t, filepath.Join(deploy.Charts(t), "example"), namespace, "")
	for _, object := range objects {
		object.SetNamespace(namespace) // as helm install does
	}
	c.applyAll(t, objects)
	isTheExamples(t, typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec)
	theRightsAreTheAccounts(t, objects, namespace)
	want, got := typed[rbacv1.Role](t, documents(t, deployDir+"pod-example.yaml"), "Role"), typed[rbacv1.Role](t, objects, "Role")
	if diff := cmp.Diff(want.Rules, got.Rules); diff != "" {
		t.Errorf("rights (-pod-example.yaml +chart):\n%s", diff)
	}
}

// Each value has an effect, and no other.
func TestTheChartsValues(t *testing.T) {
	c := newCluster(t)
	namespace, targets := c.plane.Namespace(t), c.plane.Namespace(t)
	objects := render(t, filepath.Join(deploy.Charts(t), "example"), namespace, `
refresh-sidecar:
  image: {repository: registry.example.com/sidecar, tag: "2", pullPolicy: Always}
  args: [--min-targets=1, --namespace=`+targets+`]
  goMemLimit: 60MiB
  resources: {requests: {memory: 64Mi}, limits: {memory: 96Mi}}
  volumeSizeLimit: 32Mi
  names: {container: sync, objects: sync, serviceAccount: alert-history}
  rights: {namespaces: [`+targets+`]}
  podMonitor: {create: true, interval: 15s, labels: {release: prometheus}, matchLabels: {app.kubernetes.io/name: alert-history}}
  prometheusRule: {create: true, labels: {release: prometheus}}
`)
	spec := typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
	_, want := example(t)
	want.Name, want.Image, want.ImagePullPolicy = "sync", "registry.example.com/sidecar:2", corev1.PullAlways
	want.Args = []string{"--min-targets=1", "--namespace=" + targets}
	want.Env[1].Value = "60MiB"
	want.Resources = corev1.ResourceRequirements{Requests: memory("64Mi", "10m"), Limits: memory("96Mi", "")}
	if diff := cmp.Diff([]corev1.Container{want}, spec.InitContainers); diff != "" {
		t.Errorf("the sidecar (-want +got):\n%s", diff)
	}
	if got := spec.Volumes[0].EmptyDir.SizeLimit.String(); got != "32Mi" {
		t.Errorf("got a volume of %s", got)
	}
	binding := typed[rbacv1.RoleBinding](t, objects, "RoleBinding")
	if subject := binding.Subjects[0]; binding.Name != "sync" || binding.Namespace != targets || subject.Name != "alert-history" || subject.Namespace != namespace {
		t.Errorf("got %+v", binding)
	}
	monitor := typed[monitoringv1.PodMonitor](t, objects, "PodMonitor")
	endpoint := monitor.Spec.PodMetricsEndpoints[0]
	if *endpoint.Port != "sidecar" || endpoint.Interval != "15s" || monitor.Labels["release"] != "prometheus" ||
		monitor.Spec.Selector.MatchLabels["app.kubernetes.io/name"] != "alert-history" {
		t.Errorf("got %+v", monitor)
	}
	rule := typed[monitoringv1.PrometheusRule](t, objects, "PrometheusRule")
	operators := typed[monitoringv1.PrometheusRule](t, documents(t, deployDir+"prometheus-operator/prometheus-rule.yaml"), "PrometheusRule")
	if diff := cmp.Diff(operators.Spec, rule.Spec); diff != "" || rule.Labels["release"] != "prometheus" {
		t.Errorf("labels %v, alerts (-prometheus-operator +chart):\n%s", rule.Labels, diff)
	}
}

// Kubernetes takes a name of digits, such as a namespace for each year, which YAML takes for a number.
func TestTheChartsNamesMayBeDigits(t *testing.T) {
	objects := parse(t, deploy.Helm(t, "template", "12", filepath.Join(deploy.Charts(t), "example"), "--namespace", "2026", "--values", valuesFile(t, `
refresh-sidecar:
  names: {container: "34", objects: "56", serviceAccount: "1e3"}
  rights: {namespaces: ["2025"]}
  podMonitor: {create: true, matchLabels: {app: "1"}}
  prometheusRule: {create: true}
`)))
	binding := typed[rbacv1.RoleBinding](t, objects, "RoleBinding")
	got := []string{
		typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec.InitContainers[0].Name,
		typed[rbacv1.Role](t, objects, "Role").Namespace, binding.RoleRef.Name, binding.Subjects[0].Name, binding.Subjects[0].Namespace,
		typed[monitoringv1.PodMonitor](t, objects, "PodMonitor").Namespace, typed[monitoringv1.PrometheusRule](t, objects, "PrometheusRule").Labels["app.kubernetes.io/instance"],
	}
	if diff := cmp.Diff([]string{"34", "2025", "56", "1e3", "2026", "2026", "12"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func memory(quantity, cpu string) corev1.ResourceList {
	list := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}
	if cpu != "" {
		list[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	return list
}

func TestTheChartRefusesValuesThatMeanNothing(t *testing.T) {
	chart := filepath.Join(deploy.Charts(t), "example")
	for values, want := range map[string]string{
		"image: {name: x}":                  "name",
		"args: --min-targets=1":             "/args",
		"args: [min-targets=1]":             "/args/0",
		"args: [--min-targets 1]":           "/args/0",
		"resources: {limit: {memory: 1Mi}}": "limit",
		"goMemLimit: 40Mi":                  "/goMemLimit",
		"names: {container: Sidecar}":       "/names/container",
		"names: {serviceAccount: ''}":       "refresh-sidecar.names.serviceAccount: name the service account",
		"rights: {namespace: targets}":      "namespace",
		"podMonitor: {create: true}":        "/podMonitor/matchLabels",
		"prometheusrule: {create: true}":    "prometheusrule",
	} {
		t.Run(values, func(t *testing.T) {
			out, err := deploy.TryHelm(t, "template", "history", chart, "--values", valuesFile(t, "refresh-sidecar:\n  "+values+"\n"))
			if err == nil || !strings.Contains(out, want) {
				t.Errorf("got %v, want %q in\n%s", err, want, out)
			}
		})
	}
}

// The values for other charts give their pods the example's sidecar.
func TestTheExtraValuesAddTheExamplesSidecar(t *testing.T) {
	c := newCluster(t)
	namespace := c.plane.Namespace(t)
	objects := parse(t, deploy.Helm(t, "template", "history", "testdata/chart", "--values", deployDir+"helm/extra-values.yaml"))
	for _, object := range objects {
		object.SetNamespace(namespace)
	}
	c.applyAll(t, objects)
	isTheExamples(t, typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec)
}
