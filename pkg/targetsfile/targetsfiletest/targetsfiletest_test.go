package targetsfiletest_test

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/internal/leak"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

func TestMain(m *testing.M) { leak.VerifyTestMain(m) }

func hook(name string) targetsfile.Target {
	return targetsfile.Target{Name: name, Type: "webhook", URL: "https://example.com/" + name}
}

func TestNewReaderServesItsTargets(t *testing.T) {
	r := targetsfiletest.NewReader(t, hook("b"), hook("a"))
	got, err := r.Get("a")
	if err != nil || got.URL != "https://example.com/a" || !got.Enabled || got.PayloadFormat != "webhook" || got.Secret != "test/a" {
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
	with := func(change func(*targetsfile.Target)) func(t testing.TB) {
		return func(t testing.TB) {
			x := hook("a")
			change(&x)
			targetsfiletest.NewReader(t, x)
		}
	}
	here := filepath.Join(t.TempDir(), "targets.json")
	for _, test := range []struct {
		name string
		do   func(t testing.TB)
		want string
	}{
		{"a name twice", func(t testing.TB) { targetsfiletest.WriteSnapshot(t, here, hook("a"), hook("a")) }, "duplicate"},
		{"no name", func(t testing.TB) { targetsfiletest.WriteSnapshot(t, here, targetsfile.Target{}) }, `name "" must be`},
		{"no DNS label", with(func(x *targetsfile.Target) { x.Name = "Slack_Prod" }), "must be a DNS-1123 label"},
		{"no type", with(func(x *targetsfile.Target) { x.Type = "" }), `type "" must be one of slack,`},
		{"another type", with(func(x *targetsfile.Target) { x.Type = "email" }), `type "email" must be one of slack,`},
		{"a format of another type", with(func(x *targetsfile.Target) { x.PayloadFormat = "slack" }), `format "slack" does not suit type "webhook"`},
		{"no URL", with(func(x *targetsfile.Target) { x.URL = "" }), "url must be an absolute"},
		{"a URL without a host", with(func(x *targetsfile.Target) { x.URL = "https:///in" }), "url must be an absolute"},
		{"a URL of another scheme", with(func(x *targetsfile.Target) { x.URL = "ftp://example.com" }), "url must be an absolute"},
		{"a URL with user info", with(func(x *targetsfile.Target) { x.URL = "https://a:b@example.com" }), "without user info"},
		{"a URL with a space", with(func(x *targetsfile.Target) { x.URL = "https://example.com/a b" }), "and spaces"},
		{"a header's name", with(func(x *targetsfile.Target) { x.Headers = map[string]string{"X Y": "1"} }), `header "X Y" must be`},
		{"a header's value", with(func(x *targetsfile.Target) { x.Headers = map[string]string{"X": "a\nb"} }), `value of header "X" must not`},
		{"an empty header", with(func(x *targetsfile.Target) { x.Headers = map[string]string{"X": " "} }), `value of header "X" must not`},
		{"a header twice", with(func(x *targetsfile.Target) { x.Headers = map[string]string{"x-a": "1", "X-A": "1"} }), "is there twice"},
		{"a list for a filter", with(func(x *targetsfile.Target) { x.FilterConfig = json.RawMessage("[]") }), "filter_config must be"},
		{"a Secret without a namespace", with(func(x *targetsfile.Target) { x.Secret = "a" }), "must be namespace/name"},
		{"too large", with(func(x *targetsfile.Target) { x.URL += strings.Repeat("x", targetsfile.MaxTargetBytes) }), "at most 256 KiB"},
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

func TestDisabledTargets(t *testing.T) {
	w := targetsfiletest.NewWriter(t, filepath.Join(t.TempDir(), "targets.json"))
	w.Disable("b")
	w.Publish(hook("a"), hook("b"))
	doc, err := targetsfile.ReadFile(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := doc.Entries[0], doc.Entries[1]; !a.Enabled || b.Enabled {
		t.Errorf("got %v and %v, want a enabled and b disabled", a, b)
	}
}
