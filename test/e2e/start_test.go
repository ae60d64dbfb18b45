package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// appliesUnchanged applies the file as it is, in a cluster that was given with its images and in a namespace of these tests.
func appliesUnchanged(t *testing.T, p *pod) {
	if p.foreign {
		p.applyHere(t, read(t, deployDir, "pod-example.yaml"))
	} else if out := p.kubectl(t, "apply", "--warnings-as-errors", "-f", deployDir+"/pod-example.yaml"); !strings.Contains(out, "pod/alert-history created") {
		t.Errorf("got %s", out)
	}
	// The standard is really enforced there.
	out, err := run(t.Context(), "kubectl", "--namespace", p.namespace, "run", "plain", "--image="+p.app)
	if err == nil || !strings.Contains(err.Error(), `violates PodSecurity "restricted`) {
		t.Errorf("a pod without hardening: got %v, %s, want that it is refused", err, out)
	}
}

// startsWithoutATarget waits for an app that runs, and only then applies the Secrets.
func startsWithoutATarget(t *testing.T, p *pod) {
	p.awaitReady(t)
	p.awaitPrinted(t, regexp.MustCompile(`^waiting for targets\ngeneration \d+, 0 targets\n$`))
	if !p.foreign {
		p.kubectl(t, "apply", "-f", deployDir+"/examples/")
		return
	}
	files, err := filepath.Glob(deployDir + "/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d examples, %v", len(files), err)
	}
	for _, file := range files {
		p.applyHere(t, read(t, file))
	}
}

// awaitPrinted waits until the app has printed what matches.
func (p *pod) awaitPrinted(t *testing.T, want *regexp.Regexp) {
	t.Helper()
	until(t, "the app prints "+want.String(), func() error {
		if out := p.kubectl(t, "logs", podName, "--container", app); !want.MatchString(out) {
			return fmt.Errorf("it prints\n%s", out)
		}
		return nil
	})
}

// sidecarFirst creates the Secrets only when the startup probe has been seen to hold the app back.
func sidecarFirst(t *testing.T, p *pod) {
	history, _ := p.record(t)
	until(t, "the startup probe has failed", func() error {
		out := p.kubectl(t, "get", "events", "--field-selector", "reason=Unhealthy,involvedObject.name="+podName, "--output", "jsonpath={.items[*].message}")
		if !strings.Contains(out, "Startup probe failed: HTTP probe failed with statuscode: 503") {
			return fmt.Errorf("the events say %q, the sidecar is %+v", out, status(p.get(t), sidecar))
		}
		return nil
	})
	if s := status(p.get(t), app); s.State.Running != nil || s.State.Terminated != nil {
		t.Errorf("the app is %+v before there are targets", s.State)
	}
	p.createSecrets(t, 3)
	p.awaitReady(t)
	waited := false
	for _, state := range history() {
		started := status(state, sidecar).Started
		ready := started != nil && *started
		running := status(state, app).State.Running != nil
		waited = waited || (!ready && !running)
		if running && !ready {
			t.Error("the app runs although the sidecar is not ready")
		}
	}
	if !waited {
		t.Error("the app was never seen to wait")
	}
	p.awaitPrinted(t, regexp.MustCompile(`^waiting for targets\ngeneration \d+, [1-9]\d* targets\n`))
}

// record watches the pod until it is gone, and returns a function that ends that and returns the states seen.
func (p *pod) record(t *testing.T) (states func() []*corev1.Pod, gone <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	events, err := p.api.CoreV1().Pods(p.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + podName})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	var seen []*corev1.Pod
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range events.ResultChan() {
			if state, ok := event.Object.(*corev1.Pod); ok {
				seen = append(seen, state)
			}
			if event.Type == watch.Deleted {
				return
			}
		}
	}()
	stop := sync.OnceFunc(func() {
		events.Stop()
		<-done
		cancel()
	})
	t.Cleanup(stop)
	return func() []*corev1.Pod {
		stop()
		return seen
	}, done
}

// appSeesTargets compares what the app prints with the Secrets that were applied, of which each yields one target.
func appSeesTargets(t *testing.T, p *pod) {
	secrets := strings.Fields(p.kubectl(t, "get", "secrets", "--selector", "publishing-target=true", "--output", "name"))
	if len(secrets) < 5 {
		t.Fatalf("got only %v", secrets)
	}
	targets := p.awaitTargets(t, len(secrets)).Targets
	until(t, "the app prints the targets", func() error {
		out := p.kubectl(t, "logs", podName, "--container", app)
		for _, target := range targets {
			if !strings.Contains(out, "+ target "+target.Name+" (") {
				return fmt.Errorf("no word of %s in\n%s", target.Name, out)
			}
		}
		return nil
	})
}
