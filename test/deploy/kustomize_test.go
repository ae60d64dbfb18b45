package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/deploy"
)

// overlay is what kubectl makes of deploy/kustomize/example with one of the components.
func overlay(t *testing.T, component string) []*unstructured.Unstructured {
	t.Helper()
	kubectl, err := binaries.Cache{}.Path(t.Context(), binaries.Kubectl)
	if err != nil {
		t.Fatal(err)
	}
	dir := deploy.Overlay{Component: component}.Write(t)
	cmd := exec.CommandContext(t.Context(), kubectl, "kustomize", dir) // #nosec G204 -- our own
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	built := filepath.Join(dir, "built.yaml")
	if err := os.WriteFile(built, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return documents(t, built)
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
		"grace":      {pod.TerminationGracePeriodSeconds, got.TerminationGracePeriodSeconds},
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
