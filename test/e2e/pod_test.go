package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The names that deploy/pod-example.yaml gives.
const (
	podName   = "alert-history"
	sidecar   = "refresh-sidecar"
	app       = "alert-history"
	deployDir = "../../deploy"
)

const (
	// patience bounds every wait. It is generous, because it is only used up when something is broken.
	patience     = 5 * time.Minute
	pollInterval = 50 * time.Millisecond
)

// pod is the example's pod in one namespace of the cluster.
type pod struct {
	cluster
	namespace string
	api       kubernetes.Interface
}

// newPod says where a pod will be. In a cluster that was given, the namespace has a name that nobody else gives one.
func newPod(t *testing.T, namespace string) *pod {
	t.Helper()
	c := needCluster(t)
	if c.foreign {
		namespace = "refresh-sidecar-e2e-" + namespace
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(http.Transport) })
	api, err := kubernetes.NewForConfigAndClient(config, http)
	if err != nil {
		t.Fatal(err)
	}
	return &pod{cluster: c, namespace: namespace, api: api}
}

// run runs a command and returns what it prints; what it complains of is part of the error.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- our own commands
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, &stderr)
	}
	return stdout.String(), nil
}

// kubectl runs kubectl in the pod's namespace.
func (p *pod) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t.Context(), "kubectl", append([]string{"--namespace", p.namespace}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// until asks until there is no error.
func until(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s: %v", what, err)
		}
		time.Sleep(pollInterval)
	}
}

// get returns the pod as it is now.
func (p *pod) get(t *testing.T) *corev1.Pod {
	t.Helper()
	now, err := p.api.CoreV1().Pods(p.namespace).Get(t.Context(), podName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// status returns the state of a container; it is empty before the kubelet has reported one.
func status(pod *corev1.Pod, container string) corev1.ContainerStatus {
	for _, s := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if s.Name == container && (container != app || s.Image != "") {
			return s
		}
	}
	return corev1.ContainerStatus{}
}

// awaitReady waits until all containers have started and the pod is ready.
func (p *pod) awaitReady(t *testing.T) *corev1.Pod {
	t.Helper()
	var now *corev1.Pod
	until(t, "the pod is ready", func() error {
		now = p.get(t)
		for _, condition := range now.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("its status is %+v", now.Status)
	})
	return now
}

// report is a part of what `inspect -o json` prints.
type report struct {
	Epoch      string
	Generation uint64
	Targets    []struct{ Name string }
}

// inspect asks the sidecar's image for the snapshot.
func (p *pod) inspect(t *testing.T) (r report) {
	t.Helper()
	out := p.kubectl(t, "exec", podName, "--container", sidecar, "--", "/refresh-sidecar", "inspect", "--output", "json")
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Epoch == "" {
		t.Fatalf("got %v from %s", err, out)
	}
	return r
}

// awaitTargets waits until the snapshot has so many targets.
func (p *pod) awaitTargets(t *testing.T, count int) (r report) {
	t.Helper()
	until(t, fmt.Sprintf("the snapshot has %d targets", count), func() error {
		if r = p.inspect(t); len(r.Targets) != count {
			return fmt.Errorf("it has %d", len(r.Targets))
		}
		return nil
	})
	return r
}

// curl returns the body of a good answer.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t.Context(), "curl", append([]string{"--silent", "--show-error", "--fail", "--max-time", "30"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// cgroup returns the directory of a container's memory cgroup, and one of its processes.
func cgroup(t *testing.T, s corev1.ContainerStatus) (dir string, pid int) {
	t.Helper()
	_, id, _ := strings.Cut(s.ContainerID, "://")
	found, err := filepath.Glob("/sys/fs/cgroup/memory/kubepods/*/*/" + id)
	if err != nil || len(found) != 1 || id == "" {
		t.Fatalf("got %v, %v, want one cgroup of container %q", found, err, id)
	}
	if _, err := fmt.Sscan(read(t, found[0], "cgroup.procs"), &pid); err != nil {
		t.Fatal(err)
	}
	return found[0], pid
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// explain prints what a person would look at after a failure.
func (p *pod) explain(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"describe", "pod", podName},
		{"logs", podName, "--container", sidecar, "--tail", "30"},
		{"logs", podName, "--container", sidecar, "--previous", "--tail", "30"},
		{"logs", podName, "--container", app, "--tail", "30"},
	} {
		out, err := run(t.Context(), "kubectl", append([]string{"--namespace", p.namespace}, args...)...)
		t.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
