package e2e_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// unaffected checks that the sidecar's container is another one than before, and that everything else is as it was.
func (p *pod) unaffected(t *testing.T, before *corev1.Pod, snapshot report) {
	t.Helper()
	until(t, "another sidecar is ready", func() error {
		s := status(p.get(t), sidecar)
		if s.ContainerID == status(before, sidecar).ContainerID || s.Started == nil || !*s.Started {
			return fmt.Errorf("it is %+v", s)
		}
		return nil
	})
	now := p.get(t)
	if was, is := status(before, app), status(now, app); is.ContainerID != was.ContainerID || is.RestartCount != 0 {
		t.Errorf("the app was %+v and is %+v", was, is)
	}
	if after := p.inspect(t); after.Epoch != snapshot.Epoch || after.Generation < snapshot.Generation || len(after.Targets) != len(snapshot.Targets) {
		t.Errorf("the snapshot was %+v and is %+v", snapshot, after)
	}
}

func survivesAKill(t *testing.T, p *pod) {
	p.needNode(t, "it sends the sidecar a signal from outside the container")
	before, snapshot, printed := p.get(t), p.inspect(t), p.kubectl(t, "logs", podName, "--container", app)
	_, pid := cgroup(t, status(before, sidecar))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.unaffected(t, before, snapshot)
	last := status(p.get(t), sidecar).LastTerminationState.Terminated
	if last == nil || last.ExitCode != 137 {
		t.Errorf("the sidecar ended as %+v, want that it was killed", last)
	}
	if now := p.kubectl(t, "logs", podName, "--container", app); now != printed {
		t.Errorf("the app noticed:\n%s", strings.TrimPrefix(now, printed))
	}
}

// survivesAnUpgrade gives the running pod the next version's image.
func survivesAnUpgrade(t *testing.T, p *pod) {
	if p.next == "" {
		t.Skip("NOT RUN: E2E_NEXT_IMAGE names no image to upgrade to")
	}
	before, snapshot, printed := p.get(t), p.inspect(t), p.kubectl(t, "logs", podName, "--container", app)
	p.kubectl(t, "set", "image", "pod/"+podName, sidecar+"="+p.next)
	p.unaffected(t, before, snapshot)
	if out := p.kubectl(t, "exec", podName, "--container", sidecar, "--", "/refresh-sidecar", "version"); !p.foreign && !strings.HasPrefix(out, "refresh-sidecar 1.0.1 (") {
		t.Errorf("got %s", out)
	}
	if now := p.kubectl(t, "logs", podName, "--container", app); now != printed {
		t.Errorf("the app noticed:\n%s", strings.TrimPrefix(now, printed))
	}
}

// endsInOrder deletes the pod: the app gets SIGTERM first, the sidecar when the app has ended, and both end well.
func endsInOrder(t *testing.T, p *pod) {
	appLines, sidecarLines := p.follow(t, app), p.follow(t, sidecar)
	history, gone := p.record(t)
	await(t, sidecarLines, `"message":"started"`)
	p.kubectl(t, "delete", "pod", podName, "--wait=true")
	appStopped := await(t, appLines, "stopped")
	asked := await(t, sidecarLines, `"message":"shutting down"`)
	stopped := await(t, sidecarLines, `"message":"stopped"`)
	t.Logf("app stopped, %v later the sidecar was asked to, and took %v", asked.at.Sub(appStopped.at), stopped.at.Sub(asked.at))
	if asked.at.Before(appStopped.at) {
		t.Errorf("the sidecar was asked to stop at %v, before the app had stopped at %v", asked.at, appStopped.at)
	}
	select {
	case <-gone:
	case <-time.After(patience):
	}
	codes := map[string]int32{}
	for _, state := range history() {
		for _, name := range []string{app, sidecar} {
			if ended := status(state, name).State.Terminated; ended != nil {
				codes[name] = ended.ExitCode
			}
		}
	}
	for _, name := range []string{app, sidecar} {
		if code, ok := codes[name]; !ok || code != 0 {
			t.Errorf("%s: got exit code %d (seen: %t), want 0", name, code, ok)
		}
	}
}
