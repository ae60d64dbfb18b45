package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// injection is an API server with deploy/inject, and a namespace in which the restricted standard is enforced.
type injection struct {
	*cluster
	namespace string
}

const (
	mutating   = "MutatingAdmissionPolicy"
	validating = "ValidatingAdmissionPolicy"
)

// newInjection applies the policies of the kinds, with their bindings, and waits until they hold, and until none of an earlier test does: the API
// server looks for changed policies once a second. It skips the test where Kubernetes is older than 1.36.
func newInjection(t *testing.T, kinds ...string) injection {
	t.Helper()
	c := newCluster(t)
	c.needPolicies(t)
	i := injection{c, c.plane.Namespace(t)}
	label := []byte(`{"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}`)
	if _, err := c.plane.Admin().CoreV1().Namespaces().Patch(t.Context(), i.namespace, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	i.expectPolicies(t)
	for _, object := range documents(t, deployDir+"inject/policy.yaml") {
		if slices.Contains(kinds, strings.TrimSuffix(object.GetKind(), "Binding")) {
			c.apply(t, object)
		}
	}
	i.expectPolicies(t, kinds...)
	return i
}

func (c *cluster) needPolicies(t *testing.T) {
	t.Helper()
	version, err := c.plane.Admin().Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	minor, err := strconv.Atoi(version.Minor)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.mapper.RESTMapping(schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: mutating}, "v1")
	if serves, want := err == nil, minor >= 36; serves != want {
		t.Fatalf("Kubernetes %s serves %s as v1: got %t, want %t", version.GitVersion, mutating, serves, want)
	}
	if err != nil {
		t.Skipf("Kubernetes %s has no %s", version.GitVersion, mutating)
	}
}

// expectPolicies waits until just these kinds of policies hold.
func (i injection) expectPolicies(t *testing.T, kinds ...string) {
	t.Helper()
	until(t, func() error {
		refused := "" // what the validating policy says of a wrong label
		if _, err := i.create(t, pod(t, `metadata: {labels: {`+asks+`: maybe}}`)); err != nil {
			refused = err.Error()
		}
		if holds, want := strings.Contains(refused, `is "maybe"`), slices.Contains(kinds, validating); holds != want {
			return fmt.Errorf("%s: got %t, want %t: %s", validating, holds, want, refused)
		}
		got, err := i.create(t, pod(t, labelled))
		if holds, want := err == nil && len(got.Spec.InitContainers) == 1, slices.Contains(kinds, mutating); holds != want {
			return fmt.Errorf("%s: got %t, want %t: %w", mutating, holds, want, err)
		}
		return nil
	})
}

// until asks until there is no error.
func until(t *testing.T, ask func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = ask()
		return last == nil, nil
	})
	if err != nil {
		t.Fatal(errors.Join(err, last))
	}
}

// create has the API server do all but store the pod.
func (i injection) create(t *testing.T, pod *corev1.Pod) (*corev1.Pod, error) {
	t.Helper()
	return i.plane.Admin().CoreV1().Pods(i.namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}
