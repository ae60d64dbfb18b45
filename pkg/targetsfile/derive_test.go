//go:build go1.25

package targetsfile_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// client is what an app may keep for a target.
type client struct {
	url    string
	before *client
}

// app derives clients, and notes what it is asked for. Its fields are read when the bubble's other goroutines wait.
type app struct {
	t       *testing.T
	path    string
	reader  *targetsfile.Reader
	clients *targetsfile.Map[*client]
	log     safeBuffer

	calls []string                         // "+a" build, "-a" drop
	build func(x targetsfile.Target) error // instead of success
}

func newApp(t *testing.T, doc *targetsfile.Document) *app {
	t.Helper()
	a := &app{t: t, path: filepath.Join(t.TempDir(), "targets.json"), build: func(targetsfile.Target) error { return nil }}
	if doc != nil {
		rename(t, a.path, encode(t, doc))
	}
	a.reader = open(t, a.path, targetsfile.WithoutWatch(), targetsfile.WithLogger(slog.New(slog.NewTextHandler(&a.log, nil))))
	a.clients = targetsfile.Derive(a.reader, func(x targetsfile.Target, old *client) (*client, error) {
		a.calls = append(a.calls, "+"+x.Name)
		if err := a.build(x); err != nil {
			return &client{url: "ignored"}, err
		}
		return &client{url: x.URL, before: old}, nil
	}, func(c *client) {
		name := strings.TrimPrefix(c.url, "https://example.com/")
		if now, err := a.clients.Get(name[:1]); err == nil && now == c {
			t.Errorf("%s is dropped while lookups find it", name)
		}
		a.calls = append(a.calls, "-"+name)
	})
	return a
}

// publish writes targets such as "a1 b1", of which the number is the content, and waits until they are served.
func (a *app) publish(generation uint64, targets string) {
	a.t.Helper()
	doc := document(a.t, generation)
	for _, text := range strings.Fields(targets) {
		x := target(text[:1])
		x.URL = "https://example.com/" + text
		doc.Entries = append(doc.Entries, entry(a.t, x))
	}
	doc.Checksum = targetsfile.Checksum(doc.Entries)
	rename(a.t, a.path, encode(a.t, doc))
	time.Sleep(6 * time.Second) // a poll
	synctest.Wait()
	if got := a.reader.Snapshot().Generation(); got != generation {
		a.t.Fatalf("got generation %d, want %d", got, generation)
	}
}

// holds checks what lookups find, such as "a1 b1", and the calls since the last time.
func (a *app) holds(want, calls string) {
	a.t.Helper()
	var got []string
	for x, c := range a.clients.All() {
		got = append(got, strings.TrimPrefix(c.url, "https://example.com/"))
		if found, err := a.clients.Get(x.Name); err != nil || found != c {
			a.t.Errorf("Get %s: got %v and error %v, want what All yields", x.Name, found, err)
		}
	}
	if strings.Join(got, " ") != want || a.clients.Len() != len(got) {
		a.t.Errorf("got %v, Len %d, want %s", got, a.clients.Len(), want)
	}
	if got := strings.Join(a.calls, " "); got != calls {
		a.t.Errorf("got calls %q, want %q", got, calls)
	}
	a.calls = nil
}

func TestDeriveMakesOnceAndDropsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		if _, err := a.clients.Get("a"); !errors.Is(err, targetsfile.ErrNotReady) || a.clients.Len() != 0 {
			t.Errorf("before the first snapshot: got error %v and %d, want ErrNotReady and none", err, a.clients.Len())
		}
		a.publish(1, "a1 b1")
		a.holds("a1 b1", "+a +b")
		a.publish(1, "a1 b1") // a heartbeat
		a.holds("a1 b1", "")
		a.publish(2, "a1 b2 c1")
		a.holds("a1 b2 c1", "+b +c -b1")
		if b, err := a.clients.Get("b"); err != nil || b.before == nil || b.before.url != "https://example.com/b1" {
			t.Errorf("got %v and error %v, want one made from the old", b, err)
		}
		moved := target("c")
		moved.URL, moved.Secret = "https://example.com/c1", "elsewhere/c"
		doc := document(t, 3)
		doc.Entries = []*targetsfile.Entry{entry(t, moved)}
		doc.Checksum = targetsfile.Checksum(doc.Entries)
		rename(t, a.path, encode(t, doc))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		a.holds("c1", "-a1 -b2") // of another Secret, but equal
		a.publish(4, "")
		a.holds("", "-c1")
		a.publish(5, "a1")
		a.holds("a1", "+a")
		if c, err := a.clients.Get("a"); err != nil || c.before != nil {
			t.Errorf("got %v and error %v, want one made from nothing", c, err)
		}
		if _, err := a.clients.Get("b"); !errors.Is(err, targetsfile.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		a.reader.Close()
		a.holds("a1", "") // lookups go on
	})
}

func TestDeriveIsCurrentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newApp(t, document(t, 1, "a", "b")).mustHave("a", "b") // ready before
		closed := newApp(t, document(t, 1, "a"))
		closed.reader.Close()
		lengths := targetsfile.Derive(closed.reader, func(x targetsfile.Target, _ int) (int, error) { return len(x.URL), nil }, nil)
		if n, err := lengths.Get("a"); err != nil || n != len(target("a").URL) {
			t.Errorf("after Close: got %d and error %v, want the length of the URL", n, err)
		}
	})
}

func (a *app) mustHave(names ...string) {
	a.t.Helper()
	for _, name := range names {
		if _, err := a.clients.Get(name); err != nil {
			a.t.Errorf("%s: got %v, want its client", name, err)
		}
	}
}

func TestDeriveKeepsTheLastGoodOne(t *testing.T) {
	refusal := errors.New("no such kind of client")
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, nil)
		a.publish(1, "a1")
		a.holds("a1", "+a")
		a.log.take()

		a.build = func(x targetsfile.Target) error { return fmt.Errorf("reading %s: %w", x.URL+"/"+canary, refusal) }
		a.publish(2, "a2 b1")
		a.holds("a1", "+a +b")
		if _, err := a.clients.Get("b"); !errors.Is(err, refusal) || !strings.Contains(err.Error(), "deriving from target b: ") {
			t.Errorf("got %v, want the error for b", err)
		}
		var failed []string
		for x, err := range a.clients.Failed() {
			failed = append(failed, x.Name)
			if !errors.Is(err, refusal) {
				t.Errorf("got %v for %s, want the error of build", err, x.Name)
			}
		}
		if !slices.Equal(failed, []string{"a", "b"}) {
			t.Errorf("got failures of %v, want a and b", failed)
		}
		text := a.log.take()
		if strings.Count(text, "level=ERROR") != 2 || leaks(text) {
			t.Errorf("got log %s, want an error for each and no secret", text)
		}
		a.publish(2, "a2 b1") // a heartbeat: it is tried again, and told once
		a.holds("a1", "+a +b")
		if text := a.log.take(); strings.Contains(text, "level=ERROR") {
			t.Errorf("got log %s, want it told once", text)
		}
		a.build = func(targetsfile.Target) error { return nil }
		a.publish(2, "a2 b1")
		a.holds("a2 b1", "+a +b -a1")
		for x, err := range a.clients.Failed() {
			t.Errorf("got failure %v of %s, want none", err, x.Name)
		}
		a.publish(3, "b1")
		a.holds("b1", "-a2")
	})
}

func TestPanicsOfWhatDeriveCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		var log safeBuffer
		r := open(t, path, targetsfile.WithoutWatch(), targetsfile.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		m := targetsfile.Derive(r, func(x targetsfile.Target, _ string) (string, error) {
			if x.Name == "b" {
				panic(x.URL)
			}
			return x.Name, nil
		}, func(x string) { panic(canary) })
		for generation, names := range [][]string{{"a", "b"}, {"c"}} {
			rename(t, path, encode(t, document(t, uint64(generation+1), names...)))
			time.Sleep(6 * time.Second)
			synctest.Wait()
		}
		if _, err := m.Get("c"); err != nil {
			t.Errorf("got %v, want c", err)
		}
		text := log.take()
		for _, want := range []string{"panicked with string at ", "panic_type=string", "derive_test.go:"} {
			if !strings.Contains(text, want) {
				t.Errorf("got log %s, want %s", text, want)
			}
		}
		if leaks(text) {
			t.Errorf("got log %s, want no secret", text)
		}
	})
}

func TestWhatBuildReturnsAgainIsNotDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		dropped := 0
		rename(t, path, encode(t, document(t, 1, "a")))
		r := open(t, path, targetsfile.WithoutWatch())
		same := targetsfile.Derive(r, func(_ targetsfile.Target, old *client) (*client, error) {
			if old == nil {
				old = &client{}
			}
			return old, nil
		}, func(*client) { dropped++ })
		lists := targetsfile.Derive(r, func(x targetsfile.Target, old []string) ([]string, error) {
			if x.Name == "a" && !x.Enabled {
				return nil, errors.New("disabled")
			}
			return append(old, x.URL), nil
		}, func(list []string) { dropped += 10 }) // cannot be compared
		first, _ := same.Get("a")
		changed := target("a")
		changed.URL += "/2"
		doc := document(t, 2)
		doc.Entries = []*targetsfile.Entry{entry(t, changed), entry(t, target("b"))}
		doc.Checksum = targetsfile.Checksum(doc.Entries)
		rename(t, path, encode(t, doc))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if now, err := same.Get("a"); err != nil || now != first {
			t.Errorf("got %p and error %v, want %p", now, err, first)
		}
		if list, err := lists.Get("a"); err != nil || len(list) != 2 || dropped != 10 {
			t.Errorf("got %d and error %v, dropped %d, want 2 and the old list dropped alone", len(list), err, dropped)
		}

		changed.Enabled = false
		doc = document(t, 3)
		doc.Entries = []*targetsfile.Entry{entry(t, changed), entry(t, target("b"))}
		doc.Checksum = targetsfile.Checksum(doc.Entries)
		rename(t, path, encode(t, doc))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if list, err := lists.Get("a"); err != nil || len(list) != 2 || dropped != 10 {
			t.Errorf("after a failure: got %d and error %v, dropped %d, want 2 and nothing dropped", len(list), err, dropped)
		}
		for x := range lists.Enabled() { // what was made of a was so while it was enabled
			if x.Name != "b" {
				t.Errorf("got %v among the enabled, want b alone", x)
			}
		}
	})
}
