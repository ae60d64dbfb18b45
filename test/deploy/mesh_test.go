package deploy_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

// mesh stands for another injector: a policy that puts a native sidecar into the same pods, and writes down whether ours was there before.
const mesh = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: mesh}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
    objectSelector: {matchLabels: {mesh: "true"}}
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          (has(object.spec.initContainers) ? [] : [JSONPatch{op: "add", path: "/spec/initContainers", value: []}])
          + [JSONPatch{op: "add", path: "/spec/initContainers/%s", value: Object.spec.initContainers{
            name: "mesh-proxy", image: "mesh:1", restartPolicy: "Always",
            securityContext: Object.spec.initContainers.securityContext{
              allowPrivilegeEscalation: false, capabilities: Object.spec.initContainers.securityContext.capabilities{drop: ["ALL"]}}}},
            JSONPatch{op: "add", path: "/metadata/labels/mesh-came", value: has(object.spec.initContainers) ? "second" : "first"},
            JSONPatch{op: "add", path: "/metadata/labels/mesh-attempt", value: "%d"}]
`

const meshBinding = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: mesh}
spec: {policyName: mesh}
`

// The API server draws the order of policies anew whenever one of them changes. Whichever comes first, and wherever the mesh puts its
// container, ours starts after it.
func TestTheSidecarStartsAfterAMesh(t *testing.T) {
	for place, index := range map[string]string{"in front": "0", "at the end": "-"} {
		t.Run(place, func(t *testing.T) {
			i := newInjection(t, mutating, validating)
			i.applyAll(t, parse(t, meshBinding))
			seen := map[string]bool{}
			for attempt := 0; len(seen) < 2; attempt++ {
				if attempt == 50 {
					t.Fatalf("in 50 draws the mesh was %v", seen)
				}
				i.applyAll(t, parse(t, fmt.Sprintf(mesh, index, attempt)))
				var came string
				until(t, func() error {
					got, err := i.create(t, pod(t, annotated("after=mesh-proxy"), `metadata: {labels: {mesh: "true"}}`))
					if err != nil {
						return err
					}
					if draw := got.Labels["mesh-attempt"]; draw != strconv.Itoa(attempt) {
						return fmt.Errorf("it is still the policy of draw %q", draw)
					}
					came = got.Labels["mesh-came"]
					if want := []string{"mesh-proxy", "refresh-sidecar"}; !slices.Equal(names(got.Spec.InitContainers), want) {
						t.Errorf("the mesh came %s: got %v, want %v", came, names(got.Spec.InitContainers), want)
					}
					return nil
				})
				seen[came] = true
			}
		})
	}
}

const meshWebhook = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: mesh}
webhooks:
  - name: mesh.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
    objectSelector: {matchLabels: {mesh: "true"}}
    clientConfig: {url: %q, caBundle: %s}
`

// Webhooks come after all policies.
func TestTheSidecarStartsAfterAMeshOfAWebhook(t *testing.T) {
	for place, index := range map[string]string{"in front": "0", "at the end": "-"} {
		t.Run(place, func(t *testing.T) {
			i := newInjection(t, mutating, validating)
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var review admissionv1.AdmissionReview
				if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
					t.Error(err)
				}
				json, patch := admissionv1.PatchTypeJSONPatch, `[{"op": "add", "path": "/spec/initContainers/`+index+`", "value": {
					"name": "istio-proxy", "image": "mesh:1", "restartPolicy": "Always",
					"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}}]`
				review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true, PatchType: &json, Patch: []byte(patch)}
				answer(t, w, review)
			}))
			t.Cleanup(server.Close)
			ca, err := json.Marshal(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
			if err != nil {
				t.Fatal(err)
			}
			i.applyAll(t, parse(t, fmt.Sprintf(meshWebhook, server.URL, ca)))
			until(t, func() error {
				got, err := i.create(t, pod(t, labelled, `metadata: {labels: {mesh: "true"}}`))
				if err != nil {
					return err
				}
				containers := names(got.Spec.InitContainers)
				if len(containers) == 1 {
					return errors.New("the webhook is not called yet")
				}
				if want := []string{"istio-proxy", "refresh-sidecar"}; !slices.Equal(containers, want) {
					t.Errorf("got %v, want %v", containers, want)
				}
				return nil
			})
		})
	}
}

func answer(t *testing.T, w http.ResponseWriter, review admissionv1.AdmissionReview) {
	if err := json.NewEncoder(w).Encode(review); err != nil {
		t.Error(err)
	}
}
