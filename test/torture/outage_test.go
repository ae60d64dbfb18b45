package torture_test

import (
	"context"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestAPIServerOutages takes the API server away in every way in which one goes away, and gives it back.
func TestAPIServerOutages(t *testing.T) {
	t.Parallel()
	plane := controlplane.StartPrivate(t)
	for _, outage := range []struct {
		name, made string
		begin, end func(*controlplane.Private) error
	}{
		{"stopped (SIGSTOP) and continued", "kube-apiserver gets SIGSTOP, later SIGCONT",
			(*controlplane.Private).PauseAPIServer, (*controlplane.Private).ResumeAPIServer},
		{"killed and started again", "kube-apiserver gets SIGKILL and is started again",
			(*controlplane.Private).StopAPIServer, startAPIServer},
		{"etcd gone", "etcd gets SIGKILL under the API server and is started again",
			(*controlplane.Private).StopEtcd, (*controlplane.Private).StartEtcd},
	} {
		whole := t.Run(outage.name, func(t *testing.T) {
			w := newWorld(t, plane.Plane)
			w.webhook("a", 0)
			p := w.start()
			f := begin(t, &fault{Area: "API server", Name: outage.name, Made: outage.made,
				Holds: "attempts fail as transient, the last snapshot stays and is ready; a sidecar started meanwhile serves it at once; afterwards the new state is published"})
			witness := attach(t, w.path, f, "a")
			var worst time.Duration
			for i := range times(3, 1) {
				if err := outage.begin(plane); err != nil {
					t.Fatal(err)
				}
				p.Until("fails", func() error { return failed(p, 2) })
				expectTransient(f, p)
				p.Kill()
				p = startInherited(w, f)
				begun := time.Now()
				if err := outage.end(plane); err != nil {
					t.Fatal(err)
				}
				p.Until("is well again", func() error { return succeeded(p) })
				worst = max(worst, time.Since(begun))
				w.webhook("a", i+1)
				expectNumber(t, p, "a", i+1)
				f.run()
			}
			witness.end()
			f.figure("at most %.1f s from the start of what was down to a successful refresh", worst.Seconds())
		})
		if !whole { // what was down may still be
			return
		}
	}
}

func startAPIServer(p *controlplane.Private) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return p.StartAPIServer(ctx)
}
