package targetsfiletest_test

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hook(name string) targetsfile.Target {
	return targetsfile.Target{Name: name, Type: "webhook", URL: "https://example.com/" + name, Enabled: true}
}

func TestNewReaderServesItsTargets(t *testing.T) {
	r := targetsfiletest.NewReader(t, hook("b"), hook("a"))
	got, err := r.Get("a")
	if err != nil || got.URL != "https://example.com/a" || got.PayloadFormat != "webhook" || got.Secret != "test/a" {
		t.Errorf("got %v and error %v, want the target, completed", got, err)
	}
	if err := r.Healthy(); err != nil {
		t.Errorf("got %v, want a healthy reader", err)
	}
	for change := range r.Changes(t.Context()) {
		if len(change.Added) != 2 {
			t.Errorf("got %v, want both targets", change)
		}
		break
	}
}

func TestNewReaderWithoutTargetsIsReady(t *testing.T) {
	if s := targetsfiletest.NewReader(t).Status(); !s.Ready {
		t.Errorf("got %+v, want ready", s)
	}
}

// What a writer publishes is accepted by a reader that follows its file, whatever it does next.
func TestWriterIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	w := targetsfiletest.NewWriter(t, path)
	w.Publish(hook("a"))
	r, err := targetsfile.Open(t.Context(), path, targetsfile.WithPollInterval(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	epoch := r.Snapshot().Epoch()

	for _, test := range []struct {
		name       string
		publish    func()
		generation uint64
		targets    int
		sameEpoch  bool
		stale      bool
	}{
		{"other targets", func() { w.Publish(hook("a"), hook("b")) }, 2, 2, true, false},
		{"none", func() { w.Publish() }, 3, 0, true, false},
		{"by another writer", func() { targetsfiletest.WriteSnapshot(t, path, hook("c")) }, 4, 1, true, false},
		{"the same again", func() { w = targetsfiletest.NewWriter(t, path); w.Publish(hook("c")) }, 4, 1, true, false},
		{"stale", func() { w.Stale() }, 4, 1, true, true},
		{"a heartbeat", func() { w.Heartbeat() }, 4, 1, true, false},
		{"a new epoch", func() { w.NewEpoch(); w.Publish(hook("c")) }, 1, 1, false, false},
	} {
		test.publish()
		doc, err := targetsfile.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for s := r.Snapshot(); s.Epoch() != doc.Epoch || s.Generation() != doc.Generation ||
			!s.RefreshedAt().Equal(doc.RefreshedAt) || !s.StaleAfter().Equal(doc.StaleAfter); s = r.Snapshot() {
			runtime.Gosched() // until it is loaded, or the test's deadline
		}
		s := r.Snapshot()
		if s.Generation() != test.generation || s.Len() != test.targets || s.Epoch() == epoch != test.sameEpoch || r.Status().Stale != test.stale {
			t.Errorf("%s: got %v of epoch %s, status %+v, want generation %d, %d targets, stale %t",
				test.name, s, s.Epoch(), r.Status(), test.generation, test.targets, test.stale)
		}
	}
	if s := r.Status(); s.Rejects != 0 {
		t.Errorf("got %+v, want no rejects", s)
	}
}

// recorder is a test that fails instead of the real one.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) {
	r.failure, _ = args[0].(string)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	for _, arg := range args {
		if err, is := arg.(error); is {
			format += err.Error()
		}
	}
	r.Fatal(format)
}

func TestMistakesEndTheTest(t *testing.T) {
	broken := hook("a")
	broken.FilterConfig = json.RawMessage("{")
	here := filepath.Join(t.TempDir(), "targets.json")
	for _, test := range []struct {
		name string
		do   func(t testing.TB)
		want string
	}{
		{"a name twice", func(t testing.TB) { targetsfiletest.WriteSnapshot(t, here, hook("a"), hook("a")) }, "duplicate"},
		{"no name", func(t testing.TB) { targetsfiletest.WriteSnapshot(t, here, targetsfile.Target{}) }, "has no name"},
		{"no JSON", func(t testing.TB) { targetsfiletest.WriteSnapshot(t, here, broken) }, "encoding target"},
		{"no directory", func(t testing.TB) { targetsfiletest.WriteSnapshot(t, filepath.Join(here, "x", "y")) }, "no such file"},
		{"a heartbeat of nothing", func(t testing.TB) { targetsfiletest.NewWriter(t, here).Heartbeat() }, "nothing was published"},
		{"nothing made stale", func(t testing.TB) { targetsfiletest.NewWriter(t, here).Stale() }, "nothing was published"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				test.do(r)
			}()
			<-ended
			if !strings.Contains(r.failure, test.want) {
				t.Errorf("got %q, want %s", r.failure, test.want)
			}
		})
	}
}
