package torture_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestKilledAtRandomInstants kills the shipped program over and over while its Secrets change, refreshes are asked for without a pause
// and readers look on. The snapshots are large and on a disk that has to sync, so that many kills hit a write.
func TestKilledAtRandomInstants(t *testing.T) { // beside no other test: what is killed must be quick to write
	w := newWorld(t, controlplane.Get(t))
	f := begin(t, &fault{Area: "process", Name: "kill -9 at random instants",
		Made:  "the shipped program is killed 0–60 ms after its start, or 0–200 ms after it listened, under churn and refreshes without a pause, with an independent file checker and a Reader attached",
		Holds: "no torn, partial, empty, invalid or older file, no target lost; one epoch, generations never fall; temp files are swept"})
	c := newChurn(w, 60, 8<<10, 15*time.Millisecond)
	first := sidecar.StartBinary(t, releaseBinary(t), w.path, w.args()...)
	first.Until("publishes", func() error { return succeeded(first) })
	witness := attach(t, w.path, f, c.stay...)
	first.Kill()

	c.begin()
	v := newVictim(t, append(w.args(), "--snapshot-path", w.path)...)
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan int, 1)
	go func() { accepted <- v.press(ctx) }()
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- no secret
	midWrite := 0
	for i := range times(500, 25) {
		if inItsStart := i%4 == 0; inItsStart {
			v.killAfter(time.Duration(random.IntN(60_000))*time.Microsecond, false)
		} else {
			v.killAfter(time.Duration(random.IntN(200_000))*time.Microsecond, true)
		}
		f.run()
		left, err := leftovers(w.path)
		if err != nil || len(left) > 2 { // one of a write; of a probe its file, and what was to replace it
			f.violation("%d temp files are left: %v", len(left), err)
		}
		midWrite += len(left)
	}
	cancel()
	c.stop()
	expectRecovery(t, f, w, c)
	witness.end()
	if *full && midWrite == 0 {
		t.Error("no kill hit a write: the test does not test what it is there for")
	}
	f.figure("%d kills hit a write, %d the start before the first log line; %d refreshes accepted; %d files seen in %d looks",
		midWrite, f.Runs-v.starts(), <-accepted, witness.files, witness.looks)
}

// expectRecovery has a last process publish all that is known now, and leave nothing else.
func expectRecovery(t *testing.T, f *fault, w *world, c *churn) {
	t.Helper()
	last := sidecar.StartBinary(t, releaseBinary(t), w.path, w.args()...)
	last.Until("publishes the present state", func() error { return c.arrived(readRaw(t, w.path)) })
	if code, _ := last.Terminate(); code != 0 {
		f.violation("SIGTERM: exit code %d", code)
	}
	if left, err := leftovers(w.path); err != nil || len(left) > 0 {
		f.violation("%v is left beside the snapshot: %v", left, err)
	}
}
