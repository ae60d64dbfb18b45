package sidecar_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// witness reads the snapshot as fast as it can, and remembers every file that should never have been there.
type witness struct {
	cancel context.CancelFunc
	done   chan struct{}
	reads  int
	faults []string
}

func watchSnapshot(path string) *witness {
	ctx, cancel := context.WithCancel(context.Background())
	w := &witness{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		var last *targetsfile.Document
		for ctx.Err() == nil {
			d, err := targetsfile.ReadFile(path)
			switch {
			case errors.Is(err, os.ErrNotExist) && last == nil:
				continue
			case err != nil:
				w.faults = append(w.faults, err.Error())
			case last != nil && (d.Epoch != last.Epoch || d.Generation < last.Generation || len(d.Entries) < 3):
				w.faults = append(w.faults, fmt.Sprintf("%s/%d with %d targets after %s/%d", d.Epoch, d.Generation, len(d.Entries), last.Epoch, last.Generation))
			}
			if err == nil {
				last = d
			}
			w.reads++
		}
	}()
	return w
}

func (w *witness) expectNothingOdd(t *testing.T) {
	t.Helper()
	w.cancel()
	<-w.done
	if len(w.faults) > 0 || w.reads == 0 {
		t.Errorf("of %d reads %d saw what must never be: %s", w.reads, len(w.faults), strings.Join(w.faults[:min(len(w.faults), 5)], "; "))
	}
}

func TestKilledAtAnyMomentNothingIsTornAndTheEpochGoesOn(t *testing.T) {
	w := newWorld(t, controlplane.Get(t))
	for _, name := range []string{"a", "b", "c"} {
		w.webhook(name)
	}
	first := w.start()
	first.Until("publishes", func() error { return ready(first) })
	before := first.Document()
	witness := watchSnapshot(w.path)
	first.Kill()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10 {
		w.put("a", map[string]string{"type": "webhook", "url": fmt.Sprintf("https://example.com/%d", i)})
		p := w.start()
		if err := ready(p); err != nil {
			t.Errorf("a restarted sidecar is ready at once: %v", err)
		}
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond) // the random instant
		p.Kill()
	}
	last := w.start()
	last.Until("refreshes", func() error {
		if s := last.Status(); s.State != "success" {
			return errors.New(s.State)
		}
		return nil
	})
	witness.expectNothingOdd(t)
	after := last.Document()
	if after.Epoch != before.Epoch || after.Generation <= before.Generation {
		t.Errorf("got %s generation %d, want %s and more than %d", after.Epoch, after.Generation, before.Epoch, before.Generation)
	}
	if entries, err := os.ReadDir(filepath.Dir(w.path)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v beside the snapshot, want nothing", entries, err)
	}
}

func TestAnotherNamespaceInheritsNothing(t *testing.T) {
	t.Parallel()
	plane := controlplane.Get(t)
	w := newWorld(t, plane)
	w.webhook("a")
	first := w.start()
	first.Until("publishes", func() error { return ready(first) })
	before := first.Document()
	first.Kill()
	other := newWorld(t, plane)
	other.webhook("b")
	other.path = w.path
	second := other.start()
	second.Until("publishes", func() error { return ready(second) })
	if after := second.Document(); after.Epoch == before.Epoch || after.Generation != 1 || len(after.Entries) != 1 || after.Entries[0].Name != "b" {
		t.Errorf("got %d targets in %s/%d, want b alone in another epoch", len(after.Entries), after.Epoch, after.Generation)
	}
}

func TestSIGTERMEndsAnIdleSidecar(t *testing.T) {
	w := newWorld(t, controlplane.Get(t))
	p := w.start()
	p.Until("publishes", func() error { return ready(p) })
	if code, took := p.Terminate(); code != 0 || took > 5*time.Second {
		t.Errorf("got exit code %d after %s, want 0", code, took)
	}
	if len(p.Logs("stopped")) != 1 {
		t.Error("no line says that it stopped")
	}
}

func TestTheModeIsExactWhateverTheUmask(t *testing.T) {
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a")
	for _, umask := range []int{0o077, 0} {
		t.Run(fmt.Sprintf("%04o", umask), func(t *testing.T) {
			old := syscall.Umask(umask)
			defer syscall.Umask(old)
			p := sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), "--kubeconfig", w.kubeconfig)
			p.Until("publishes", func() error { return ready(p) })
			info, err := os.Stat(p.Path)
			if err != nil || info.Mode() != 0o640 {
				t.Errorf("got mode %v, %v; want 0640", info.Mode(), err)
			}
		})
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a")
	cases := map[string]struct {
		args []string
		code int
		file bool
	}{
		"published":                         {nil, 0, true},
		"too few targets":                   {[]string{"--min-targets", "2"}, 1, false},
		"a namespace that it may not list":  {[]string{"--namespace", "default"}, 1, false},
		"a directory that is not there":     {[]string{"--snapshot-path", "/nowhere/targets.json"}, 1, false},
		"an API server that is not there":   {[]string{"--kubeconfig", "/dev/null"}, 1, false},
		"a fault of the configuration is 2": {[]string{"--jitter", "2"}, 2, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "targets.json")
			args := append([]string{"--once", "--kubeconfig", w.kubeconfig, "--snapshot-path", path, "--max-retries", "1",
				"--startup-backoff", "100ms"}, c.args...)
			out, err := exec.CommandContext(t.Context(), sidecar.Binary(t), args...).CombinedOutput() // #nosec G204 -- the program under test
			code := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				code = exit.ExitCode()
			}
			if code != c.code {
				t.Errorf("got exit code %d, want %d:\n%s", code, c.code, out)
			}
			if _, err := os.Stat(path); (err == nil) != c.file {
				t.Errorf("got a file: %t, want %t", err == nil, c.file)
			}
		})
	}
}
