package deploy_test

import (
	"path/filepath"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/yaml"
)

const deployDir = "../../deploy/"

func TestThePodExampleAppliesAsItIs(t *testing.T) {
	c := newCluster(t)
	c.applyAll(t, documents(t, deployDir+"pod-example.yaml"))
	// The rights are enough for the sidecar and no more. The granted ones are asked for first, because a Role counts after a delay.
	for _, verb := range []string{"list", "watch"} {
		c.expectMay(t, true, "alert-history", verb, "secrets", "alert-history")
	}
	for _, verb := range []string{"get", "create", "delete"} {
		c.expectMay(t, false, "alert-history", verb, "secrets", "alert-history")
	}
}

func TestTheExampleSecretsApply(t *testing.T) {
	c := newCluster(t)
	namespace := c.plane.Namespace(t)
	files, err := filepath.Glob(deployDir + "examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d examples, %v", len(files), err)
	}
	for _, file := range files {
		for _, object := range documents(t, file) {
			object.SetNamespace(namespace)
			c.apply(t, object)
		}
	}
}

// Each other file of deploy/ applies beside the example.
func TestEveryOtherFileApplies(t *testing.T) {
	c := newCluster(t)
	c.apply(t, documents(t, deployDir+"pod-example.yaml")[0])
	files, err := filepath.Glob(deployDir + "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		switch filepath.Base(file) {
		case "pod-example.yaml": // has its own test
		case "prometheus-rules.yaml": // is Prometheus' own format
		default:
			c.applyAll(t, documents(t, file))
		}
	}
}

// The operator's kinds, which no plain API server knows, are decoded strictly.
func TestTheOperatorsObjectsAreWhatTheyClaim(t *testing.T) {
	files, err := filepath.Glob(deployDir + "prometheus-operator/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		for _, object := range documents(t, file) {
			kinds := map[string]any{"PodMonitor": &monitoringv1.PodMonitor{}, "PrometheusRule": &monitoringv1.PrometheusRule{}}
			into, ok := kinds[object.GetKind()]
			if !ok || object.GetAPIVersion() != "monitoring.coreos.com/v1" || object.GetNamespace() != "alert-history" {
				t.Errorf("%s: got %s %s of %s", file, object.GetAPIVersion(), object.GetKind(), object.GetNamespace())
				continue
			}
			data, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict(data, into); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

func TestClusterWideRightsAreThoseOfTheExampleEverywhere(t *testing.T) {
	c := newCluster(t)
	for _, applied := range []bool{false, true} {
		if applied {
			c.applyAll(t, documents(t, deployDir+"cluster-wide-rbac.yaml"))
		}
		for _, verb := range []string{"list", "watch"} {
			c.expectMay(t, applied, "alert-history", verb, "secrets", "")
		}
		for _, verb := range []string{"get", "create"} {
			c.expectMay(t, false, "alert-history", verb, "secrets", "")
		}
	}
}

func TestRightsForAuth(t *testing.T) {
	c := newCluster(t)
	expectRefresh := func(want bool, account string) {
		c.expectRight(t, want, authorizationv1.SubjectAccessReviewSpec{User: serviceAccount(account), NonResourceAttributes: &authorizationv1.NonResourceAttributes{
			Path: "/api/v2/publishing/targets/refresh", Verb: "post",
		}})
	}
	for _, applied := range []bool{false, true} {
		if applied {
			c.apply(t, documents(t, deployDir+"pod-example.yaml")[0])
			c.applyAll(t, documents(t, deployDir+"auth-rbac.yaml"))
		}
		c.expectMay(t, applied, "alert-history", "create", "authentication.k8s.io/tokenreviews", "")
		c.expectMay(t, applied, "alert-history", "create", "authorization.k8s.io/subjectaccessreviews", "")
		expectRefresh(applied, "targets-refresher")
		expectRefresh(false, "default")
	}
	c.expectMay(t, false, "targets-refresher", "list", "secrets", "alert-history")
}
