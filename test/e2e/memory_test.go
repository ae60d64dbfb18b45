package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fitsWith20Targets measures the example as it is.
func fitsWith20Targets(t *testing.T, p *pod) {
	const count = 20
	p.createSecrets(t, count-len(p.inspect(t).Targets))
	curl(t, "-X", "POST", p.reach(t, podName)+"/api/v2/publishing/targets/refresh?wait=30s")
	p.measure(t, count)
}

// The example fits into the limits that deploy/README.md gives for so many targets.
func TestManyTargetsFit(t *testing.T) {
	t.Parallel()
	for _, size := range sizes(t) {
		t.Run(strconv.Itoa(size.targets), func(t *testing.T) {
			t.Parallel()
			p := newPod(t, fmt.Sprintf("targets-%d", size.targets))
			defer func() {
				if t.Failed() {
					p.explain(t)
				}
			}()
			p.restrict(t)
			p.createSecrets(t, size.targets/2) // half of them are there for the LIST
			p.applyExample(t, size.patch())
			p.awaitReady(t)
			p.createSecrets(t, size.targets) // the others come by the watch
			curl(t, "-X", "POST", p.reach(t, podName)+"/api/v2/publishing/targets/refresh?wait=30s")
			p.measure(t, size.targets)
			p.kubectl(t, "delete", "pod", podName)
		})
	}
}

// applyExample applies the example in the pod's namespace, with a patch.
func (p *pod) applyExample(t *testing.T, patch string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"pod-example.yaml":   p.withImages(read(t, deployDir, "pod-example.yaml")),
		"kustomization.yaml": "namespace: " + p.namespace + "\nresources: [pod-example.yaml]\npatches: [{path: patch.yaml}]\n",
		"patch.yaml":         patch,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.kubectl(t, "apply", "--server-side", "--warnings-as-errors", "-k", dir)
}

// size is a line of the table in deploy/README.md.
type size struct {
	targets                            int
	goMemLimit, request, limit, volume string
}

func sizes(t *testing.T) (all []size) {
	t.Helper()
	line := regexp.MustCompile("(?m)^\\| up to ([0-9 ]+) \\| `(\\S+)` \\| `(\\S+)` \\| `(\\S+)` \\| `(\\S+)` \\|")
	for _, fields := range line.FindAllStringSubmatch(read(t, deployDir, "README.md"), -1) {
		targets, err := strconv.Atoi(strings.ReplaceAll(fields[1], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, size{targets, fields[2], fields[3], fields[4], fields[5]})
	}
	if len(all) == 0 {
		t.Fatal("deploy/README.md has no table of sizes")
	}
	return all
}

// patch is what makes the example this size.
func (s size) patch() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %[1]s}
spec:
  initContainers:
    - name: %s
      env: [{name: GOMEMLIMIT, value: %s}]
      resources: {requests: {memory: %s}, limits: {memory: %s}}
  volumes: [{name: targets, emptyDir: {sizeLimit: %s}}]
`, podName, sidecar, s.goMemLimit, s.request, s.limit, s.volume)
}

// createSecrets makes Secrets that yield a target each, with a URL and a token as long as real ones.
func (p *pod) createSecrets(t *testing.T, count int) {
	t.Helper()
	var creating errgroup.Group
	creating.SetLimit(10)
	for i := range count {
		creating.Go(func() error { return p.createSecret(t.Context(), fmt.Sprintf("target-%05d", i)) })
	}
	if err := creating.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (p *pod) createSecret(ctx context.Context, name string) error {
	_, err := p.api.CoreV1().Secrets(p.namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"publishing-target": "true"}},
		StringData: map[string]string{
			"type": "webhook", "url": "https://hooks.example.com/services/T0000/B0000/" + strings.Repeat("a0", 12),
			"headers": "X-Team=sre", "auth_token": strings.Repeat("t0", 20),
		},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// measure takes the highest memory that the sidecar's container has had, the kernel's count for the limit: of all its processes, of the
// volume's pages, which are charged to whoever writes them, and of what `inspect` takes. The pages of the program's file are charged to
// whoever unpacked the image, here always, elsewhere until they are read from disk again; so they are added.
func (p *pod) measure(t *testing.T, targets int) {
	t.Helper()
	p.awaitTargets(t, targets)
	p.kubectl(t, "exec", podName, "--container", sidecar, "--", "/refresh-sidecar", "inspect")
	s := status(p.get(t), sidecar)
	if s.RestartCount > 0 && s.LastTerminationState.Terminated.Reason == "OOMKilled" {
		t.Fatalf("it was killed: %+v", s.LastTerminationState)
	}
	if p.foreign {
		t.Logf("%d targets fit into the limit; the peak is NOT MEASURED on a cluster that was given", targets)
		return
	}
	dir, pid := cgroup(t, s)
	number := func(text string) int {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	peak, limit := number(read(t, dir, "memory.max_usage_in_bytes")), number(read(t, dir, "memory.limit_in_bytes"))
	program := 0
	for _, field := range regexp.MustCompile(`Rss(?:File|Shmem):\s*(\d+) kB`).FindAllStringSubmatch(read(t, fmt.Sprintf("/proc/%d/status", pid)), -1) {
		program += number(field[1]) << 10
	}
	const mebi = 1 << 20
	t.Logf("%d targets: peak %.1f MiB with %.1f MiB of the program's pages, limit %d MiB, snapshot %.1f MiB", targets,
		float64(peak+program)/mebi, float64(program)/mebi, limit/mebi, p.snapshotBytes(t)/mebi)
	if peak+program > limit {
		t.Errorf("the sidecar took %d bytes, of a limit of %d", peak+program, limit)
	}
}

// snapshotBytes is the size of the snapshot.
func (p *pod) snapshotBytes(t *testing.T) float64 {
	t.Helper()
	_, pid := cgroup(t, status(p.get(t), sidecar))
	info, err := os.Stat(fmt.Sprintf("/proc/%d/root/var/run/publishing-targets/targets.json", pid))
	if err != nil {
		t.Fatal(err)
	}
	return float64(info.Size())
}
