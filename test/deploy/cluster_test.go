package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m) }

// documents reads all documents of a YAML file.
func documents(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(path) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

// parse reads all documents of a YAML text.
func parse(t *testing.T, text string) (objects []*unstructured.Unstructured) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// cluster applies objects of any kind.
type cluster struct {
	plane   *controlplane.Plane
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	plane := controlplane.Get(t)
	client, err := discovery.NewDiscoveryClientForConfig(plane.AdminConfig())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(client)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dynamic.NewForConfig(plane.AdminConfig())
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{plane: plane, dynamic: objects, mapper: restmapper.NewDiscoveryRESTMapper(groups)}
}

// apply applies an object strictly: an unknown field is an error. All but namespaces are removed at the test's end.
func (c *cluster) apply(t *testing.T, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	gvk := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	client := dynamic.ResourceInterface(c.dynamic.Resource(mapping.Resource))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = c.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	force := true
	applied, err := client.Patch(t.Context(), object.GetName(), types.ApplyPatchType, data,
		metav1.PatchOptions{FieldManager: "test", Force: &force, FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatalf("applying %s %s: %v", gvk.Kind, object.GetName(), err)
	}
	if gvk.Kind != "Namespace" {
		t.Cleanup(func() {
			zero := int64(0)
			ctx := context.WithoutCancel(t.Context()) // t's own has ended by now
			err := client.Delete(ctx, object.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &zero})
			if err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		})
	}
	return applied
}

// applyAll applies all documents of a file, or of what kustomize printed.
func (c *cluster) applyAll(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		c.apply(t, object)
	}
}

// serviceAccount returns the name that RBAC has for a service account of the example's namespace.
func serviceAccount(name string) string { return "system:serviceaccount:alert-history:" + name }

// expectMay checks whether a service account may do something with a resource, such as secrets or
// authorization.k8s.io/subjectaccessreviews, of a namespace; an empty one means all.
func (c *cluster) expectMay(t *testing.T, want bool, account, verb, resource, namespace string) {
	t.Helper()
	group, resource, ok := strings.Cut(resource, "/")
	if !ok {
		group, resource = "", group
	}
	c.expectRight(t, want, authorizationv1.SubjectAccessReviewSpec{User: serviceAccount(account), ResourceAttributes: &authorizationv1.ResourceAttributes{
		Namespace: namespace, Verb: verb, Group: group, Resource: resource,
	}})
}

// expectRight asks until the API server's answer is the wanted one: it learns of roles a moment after they were applied.
func (c *cluster) expectRight(t *testing.T, want bool, spec authorizationv1.SubjectAccessReviewSpec) {
	t.Helper()
	spec.Groups = []string{"system:serviceaccounts", "system:serviceaccounts:alert-history", "system:authenticated"}
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		review, err := c.plane.Admin().AuthorizationV1().SubjectAccessReviews().Create(ctx,
			&authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed == want, err
	})
	if err != nil {
		t.Errorf("%s may %v%v: want %t: %v", spec.User, spec.ResourceAttributes, spec.NonResourceAttributes, want, err)
	}
}
