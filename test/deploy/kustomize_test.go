package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/deploy"
)

// overlay is what kubectl makes of deploy/kustomize/example with one of the components.
func overlay(t *testing.T, component string) []*unstructured.Unstructured {
	t.Helper()
	return build(t, deploy.Overlay{Component: component}.Write(t))
}

// build is what kubectl makes of a directory. A warning is a failure.
func build(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	kubectl := controlplane.Program(t, binaries.Kubectl)
	cmd := exec.CommandContext(t.Context(), kubectl, "kustomize", dir) // #nosec G204 -- our own
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return parse(t, string(out))
}

// typed returns the first object of a kind.
func typed[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) (object T) {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind {
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &object, true); err != nil {
				t.Fatal(err)
			}
			return object
		}
	}
	t.Fatalf("there is no %s", kind)
	return object
}

// example returns the pod of deploy/pod-example.yaml, and its sidecar with what the pod says for all containers written into it.
func example(t *testing.T) (corev1.PodSpec, corev1.Container) {
	t.Helper()
	pod := typed[corev1.Pod](t, documents(t, deployDir+"pod-example.yaml"), "Pod").Spec
	sidecar := *pod.InitContainers[0].DeepCopy()
	sidecar.SecurityContext.RunAsNonRoot = pod.SecurityContext.RunAsNonRoot
	sidecar.SecurityContext.SeccompProfile = pod.SecurityContext.SeccompProfile
	return pod, sidecar
}

func TestTheComponentAddsTheExamplesSidecar(t *testing.T) {
	objects := overlay(t, "sidecar")
	newCluster(t).applyAll(t, append(documents(t, deployDir+"pod-example.yaml")[:1], objects...))
	got := typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
	pod, sidecar := example(t)
	for name, pair := range map[string][2]any{
		"sidecar":    {[]corev1.Container{sidecar}, got.InitContainers},
		"volumes":    {pod.Volumes, got.Volumes},
		"app mounts": {pod.Containers[0].VolumeMounts, got.Containers[0].VolumeMounts},
		"token":      {pod.AutomountServiceAccountToken, got.AutomountServiceAccountToken},
		"group":      {pod.SecurityContext.FSGroup, got.SecurityContext.FSGroup},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-pod-example.yaml +overlay):\n%s", name, diff)
		}
	}
	sameRights(t, objects)
}

// sameRights compares the Role with the example's.
func sameRights(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	example := documents(t, deployDir+"pod-example.yaml")
	for _, kind := range []string{"Role", "RoleBinding"} {
		want, got := typed[map[string]any](t, example, kind), typed[map[string]any](t, objects, kind)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-pod-example.yaml +overlay):\n%s", kind, diff)
		}
	}
}

func TestTheClassicComponentDiffersOnlyInWhatNeedsNativeSidecars(t *testing.T) {
	objects := overlay(t, "classic-sidecar")
	newCluster(t).applyAll(t, append(documents(t, deployDir+"pod-example.yaml")[:1], objects...))
	got := typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
	pod, sidecar := example(t)
	sidecar.RestartPolicy, sidecar.StartupProbe = nil, nil
	once := *sidecar.DeepCopy()
	once.Name, once.Args = "first-targets", append([]string{"--once"}, sidecar.Args...)
	once.Env = once.Env[1:] // without the variable about HTTP, which is the first
	once.Ports, once.LivenessProbe = nil, nil
	for name, pair := range map[string][2]any{
		"init containers": {[]corev1.Container{once}, got.InitContainers},
		"sidecar":         {sidecar, got.Containers[1]},
		"volumes":         {pod.Volumes, got.Volumes},
		"app mounts":      {pod.Containers[0].VolumeMounts, got.Containers[0].VolumeMounts},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-pod-example.yaml +overlay):\n%s", name, diff)
		}
	}
	sameRights(t, objects)
}

// theirs stands for what people have: a namespace, names, a group, annotations, init containers, volumes and settings of their own, and
// another Deployment beside it.
const theirs = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: history, namespace: NAMESPACE}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: release-history
  namespace: NAMESPACE
  labels: {app.kubernetes.io/name: alert-history}
spec:
  selector: {matchLabels: {of: history}}
  template:
    metadata:
      labels: {of: history}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}
    spec:
      serviceAccountName: history
      automountServiceAccountToken: true
      terminationGracePeriodSeconds: 90
      securityContext: {fsGroup: 65534, supplementalGroups: [5]}
      initContainers:
        - {name: migrate, image: "alert-history/alert-history:1.0.0", args: [migrate]}
      containers:
        - {name: exporter, image: "exporter:1"}
        - name: alert-history
          image: alert-history/alert-history:1.0.0
          volumeMounts: [{name: config, mountPath: /config}]
      volumes: [{name: config, configMap: {name: history}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store, namespace: NAMESPACE}
spec:
  selector: {matchLabels: {of: store}}
  template:
    metadata: {labels: {of: store}}
    spec: {containers: [{name: store, image: "store:1"}]}
`

func TestTheComponentsLeaveTheDeploymentAsItIs(t *testing.T) {
	c := newCluster(t)
	const account = `patches: [{target: {kind: RoleBinding, name: refresh-sidecar}, patch: '[{"op": "replace", "path": "/subjects/0/name", "value": "history"}]'}]`
	for name, more := range map[string]string{
		"as it is":      "",
		"with prefixes": "namePrefix: team-\nnameSuffix: -one\n",
		"with an image": "images: [{name: alert-history/refresh-sidecar, newName: registry.example.com/sidecar, newTag: \"2\"}]\n",
		"with labels":   "labels: [{pairs: {team: sre}, includeSelectors: true}]\n",
	} {
		for component, containers := range map[string]struct{ init, all []string }{
			"sidecar":         {[]string{"refresh-sidecar", "migrate"}, []string{"exporter", "alert-history"}},
			"classic-sidecar": {[]string{"first-targets", "migrate"}, []string{"exporter", "alert-history", "refresh-sidecar"}},
		} {
			t.Run(component+" "+name, func(t *testing.T) {
				namespace := c.plane.Namespace(t)
				files := map[string]string{
					"deployment.yaml":    strings.ReplaceAll(theirs, "NAMESPACE", namespace),
					"kustomization.yaml": "resources: [deployment.yaml]\nnamespace: " + namespace + "\n" + more,
				}
				without := build(t, beside(t, files))
				files["kustomization.yaml"] += "components: [../" + component + "]\n" + account
				with := build(t, beside(t, files))
				c.applyAll(t, with)
				was, is := typed[appsv1.Deployment](t, without, "Deployment"), typed[appsv1.Deployment](t, with, "Deployment")
				template := is.Spec.Template.Spec
				if got := names(template.InitContainers); !slices.Equal(got, containers.init) {
					t.Errorf("got init containers %v, want %v", got, containers.init)
				}
				if got := names(template.Containers); !slices.Equal(got, containers.all) {
					t.Errorf("got containers %v, want %v", got, containers.all)
				}
				if got := readers(template); !slices.Equal(got, []string{"alert-history"}) {
					t.Errorf("got the targets in %v, want alert-history", got)
				}
				if strings.Contains(more, "registry") && template.InitContainers[0].Image != "registry.example.com/sidecar:2" {
					t.Errorf("got image %s", template.InitContainers[0].Image)
				}
				is.Spec.Template.Spec, was.Spec.Template.Spec = bare(t, template), bare(t, was.Spec.Template.Spec)
				if diff := cmp.Diff(was, is); diff != "" {
					t.Errorf("the rest of the Deployment (-without +with the component):\n%s", diff)
				}
				theRightsAreTheAccounts(t, with, namespace)
				others := slices.DeleteFunc(with, func(o *unstructured.Unstructured) bool {
					return o.GetName() == is.Name || strings.HasPrefix(o.GetKind(), "Role")
				})
				without = slices.DeleteFunc(without, func(o *unstructured.Unstructured) bool { return o.GetName() == is.Name })
				if diff := cmp.Diff(without, others); diff != "" {
					t.Errorf("other objects (-without +with the component):\n%s", diff)
				}
			})
		}
	}
}

// beside writes files to a directory beside the components.
func beside(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(deploy.Overlay{Component: "sidecar"}.Write(t)), "theirs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// theRightsAreTheAccounts checks that Role, RoleBinding and service account find each other.
func theRightsAreTheAccounts(t *testing.T, objects []*unstructured.Unstructured, namespace string) {
	t.Helper()
	role, account := typed[rbacv1.Role](t, objects, "Role"), typed[corev1.ServiceAccount](t, objects, "ServiceAccount")
	binding := typed[rbacv1.RoleBinding](t, objects, "RoleBinding")
	want := rbacv1.RoleBinding{
		TypeMeta: binding.TypeMeta, ObjectMeta: binding.ObjectMeta,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account.Name, Namespace: namespace}},
	}
	if diff := cmp.Diff(want, binding); diff != "" || role.Namespace != namespace || binding.Namespace != namespace {
		t.Errorf("Role in %s, RoleBinding in %s, want %s (-want +got):\n%s", role.Namespace, binding.Namespace, namespace, diff)
	}
}
