package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/alert-history/refresh-sidecar/test/deploy"
)

// manual is deploy/README.md, and its YAML blocks: an overlay, and a Deployment whose pods ask for the sidecar.
func manual(t *testing.T) (text, overlay, asking string) {
	t.Helper()
	data, err := os.ReadFile(deployDir + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) != 2 {
		t.Fatalf("got %d YAML blocks, want 2", len(blocks))
	}
	return string(data), blocks[0][1], blocks[1][1]
}

func TestTheManualsOverlay(t *testing.T) {
	_, overlay, _ := manual(t)
	dir := beside(t, map[string]string{
		"kustomization.yaml": overlay,
		"deployment.yaml":    strings.ReplaceAll(theirs, "namespace: NAMESPACE", "namespace: alert-history"),
	})
	objects := build(t, dir)
	c := newCluster(t)
	c.applyAll(t, append(documents(t, deployDir+"pod-example.yaml")[:1], objects...))
	if subject := typed[rbacv1.RoleBinding](t, objects, "RoleBinding").Subjects[0]; subject.Name != "history" || subject.Namespace != "alert-history" {
		t.Errorf("got the rights for %+v", subject)
	}
}

func TestTheManualsDeploymentGetsTheSidecar(t *testing.T) {
	i := newInjection(t, mutating, validating)
	_, _, asking := manual(t)
	objects := parse(t, asking)
	i.applyAll(t, append(documents(t, deployDir+"pod-example.yaml")[:1], objects...))
	template := typed[appsv1.Deployment](t, objects, "Deployment").Spec.Template
	template.Name = "pod"
	i.namespace = "default" // where nothing is enforced
	got, err := i.create(t, &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names(got.Spec.InitContainers), []string{"refresh-sidecar"}) || !slices.Equal(readers(got.Spec), []string{"app"}) {
		t.Errorf("got init containers %v, the targets in %v", names(got.Spec.InitContainers), readers(got.Spec))
	}
}

// The annotations of the manual are those of the policy, and the lines for a chart are those of the example.
func TestTheManualsTables(t *testing.T) {
	text, _, _ := manual(t)
	policy, err := os.ReadFile(deployDir + "inject/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`annotations\[\?"([^"]+)"\]`)
	annotations := map[string]bool{}
	for _, match := range key.FindAllStringSubmatch(string(policy), -1) {
		annotations[match[1]] = true
		if !strings.Contains(text, "| `"+match[1]+"` |") {
			t.Errorf("%s is not in the table", match[1])
		}
	}
	if rows := strings.Count(text, "\n| `refresh-sidecar.alert-history.io/"); rows != len(annotations) || rows == 0 {
		t.Errorf("the table has %d annotations, the policy %d", rows, len(annotations))
	}
	var example strings.Builder
	files, err := filepath.Glob(filepath.Join(deploy.Charts(t), "example/templates/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file) // #nosec G304 -- our own
		if err != nil {
			t.Fatal(err)
		}
		example.Write(data)
	}
	lines := regexp.MustCompile("(?m)^\\| `(\\{\\{.*?\\}\\})` \\|").FindAllStringSubmatch(text, -1)
	if got := strings.Count(example.String(), `include "refresh-sidecar.`); len(lines) != got || got == 0 {
		t.Errorf("the table has %d lines, the example %d", len(lines), got)
	}
	for _, line := range lines {
		if line := strings.ReplaceAll(line[1], `\|`, "|"); !strings.Contains(example.String(), line) {
			t.Errorf("the example does not have %s", line)
		}
	}
}
