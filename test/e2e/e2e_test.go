// Package e2e_test runs what deploy/ ships on a real node: `make e2e` starts one (package node) with the images, and these tests in it, or
// has them run on a cluster that it is given.
package e2e_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The journey of one pod, from its manifest to its end. The steps build on each other: the first that fails ends it. Nothing runs beside it
// on the node of `make e2e`, because one step asserts how long something takes.
func TestTheExampleOnARealNode(t *testing.T) {
	p := newPod(t, "alert-history")
	if p.foreign { // on the node of `make e2e` the example's file makes the namespace
		p.restrict(t)
	}
	for _, step := range []struct {
		name string
		do   func(*testing.T, *pod)
	}{
		{"applies unchanged under the restricted standard", appliesUnchanged},
		{"the app starts without a target", startsWithoutATarget},
		{"the app sees the targets", appSeesTargets},
		{"an applied Secret reaches the app within a second", appliedSecretReachesTheApp},
		{"inspect through kubectl exec", inspectsThroughExec},
		{"curl on the sidecar's port", answersCurl},
		{"the app cannot read Secrets", appCannotReadSecrets},
		{"the sidecar is killed", survivesAKill},
		{"memory at 20 targets", fitsWith20Targets},
		{"the image is upgraded in place", survivesAnUpgrade},
		{"the pod is deleted", endsInOrder},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, p) }) {
			p.explain(t)
			return
		}
	}
}

// With --min-targets=1 the app waits for the first Secret.
func TestMinTargetsHoldsTheAppBack(t *testing.T) {
	t.Parallel()
	p := newPod(t, "min-targets")
	defer func() {
		if t.Failed() {
			p.explain(t)
		}
	}()
	p.restrict(t)
	p.applyExample(t, fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %[1]s}\nspec: {initContainers: [{name: %s, args: [--min-targets=1]}]}\n",
		podName, sidecar))
	sidecarFirst(t, p)
	p.kubectl(t, "delete", "pod", podName)
}
