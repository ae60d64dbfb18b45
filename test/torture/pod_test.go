package torture_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// pod is what deploy/pod-example.yaml gives the sidecar's container: 64 MiB of memory, of which the Go runtime is told 40 MiB.
type pod struct {
	cgroup  sidecar.Cgroup
	program string // the shipped one, in the pod
}

const podMemory = 64 // MiB

// newPod makes one. The program is a copy that no other process has read, so that its pages count as they do on a node.
func newPod(t *testing.T) *pod {
	t.Helper()
	cgroup, err := sidecar.NewCgroup(t)
	if err == nil {
		err = cgroup.Limit(podMemory)
	}
	if err != nil {
		t.Skipf("NOT RUN, for lack of a pod's memory limit: %v", err)
	}
	binary := filepath.Join(t.TempDir(), "refresh-sidecar")
	content, err := os.ReadFile(releaseBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	sidecar.WriteProgram(t, binary, content)
	sidecar.Forget(t, binary)
	return &pod{cgroup: cgroup, program: with(t, "GOMEMLIMIT=40MiB", cgroup.Program(t, binary))}
}

// peak is the most memory that the pod had, in MiB. Its limit was kept, or the sidecar would have been killed, and every later look at it
// would fail.
func (p *pod) peak(t *testing.T, f *fault, running *sidecar.Process) float64 {
	t.Helper()
	expectReady(f, running)
	return p.cgroup.Peak(t)
}
