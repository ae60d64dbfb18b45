package torture_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// bulk makes Secrets so large that a LIST is longer than what a spoilt network lets pass. Their content does not compress.
func (w *world) bulk(count int) (names []string) {
	w.t.Helper()
	w.createMany("bulk", count, func(i int) map[string]string {
		noise := make([]byte, 6<<10)
		_, _ = rand.Read(noise) // never fails
		return map[string]string{"target.json": fmt.Sprintf(`{"name":"bulk-%05d","type":"webhook","url":"https://example.com/1","filter_config":{"x":%q}}`,
			i, base64.StdEncoding.EncodeToString(noise))}
	})
	for i := range count {
		names = append(names, fmt.Sprintf("bulk-%05d", i))
	}
	return names
}

// spoiling is one fault of the network.
type spoiling struct {
	name, made string
	toxics     []wire.Toxic
	works      bool // the sidecar is expected to go on working
}

func spoilings() []spoiling {
	down, up := wire.Downstream, wire.Upstream
	return []spoiling{
		{"latency", "400 ms ± 100 ms of latency each way", []wire.Toxic{
			down("latency", map[string]int64{"latency": 400, "jitter": 100}), up("latency", map[string]int64{"latency": 400, "jitter": 100})}, true},
		{"cut in mid-page", "the connection ends after 200 KB of a list of 1.2 MB", []wire.Toxic{
			down("limit_data", map[string]int64{"bytes": 200_000})}, false},
		{"slow close", "the same, but the end shows only 1.5 s later", []wire.Toxic{
			down("limit_data", map[string]int64{"bytes": 200_000}), down("slow_close", map[string]int64{"delay": 1500})}, false},
		{"reset", "the connection is reset (RST) 50 ms after the first byte of an answer", []wire.Toxic{
			down("reset_peer", map[string]int64{"timeout": 50})}, false},
		{"black hole", "connections open, and nothing passes either way", wire.Silence(), false},
		{"1 KB/s", "answers come at 1 KB/s", []wire.Toxic{
			down("bandwidth", map[string]int64{"rate": 1})}, false},
	}
}

func TestSpoiltNetwork(t *testing.T) {
	t.Parallel()
	for _, s := range spoilings() {
		if !*full && s.name != "cut in mid-page" && s.name != "black hole" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, controlplane.Get(t))
			keeps := w.bulk(150)
			w.webhook("a", 0)
			network := wire.New(t, w.access.server)
			w.access.server = network.URL()
			p := w.start()
			f := begin(t, &fault{Area: "network", Name: s.name, Made: s.made + " (toxiproxy)", Holds: holds(s)})
			witness := attach(t, w.path, f, append(keeps, "a")...)
			var worst time.Duration
			for i := range times(5, 1) {
				network.Spoil(s.toxics...)
				w.webhook("a", i+1)
				if s.works {
					expectNumber(t, p, "a", i+1)
				} else {
					p.Until("fails", func() error { return failed(p, 2) })
					expectTransient(f, p)
				}
				begun := time.Now()
				network.Mend()
				expectNumber(t, p, "a", i+1)
				p.Until("is well again", func() error { return succeeded(p) })
				worst = max(worst, time.Since(begun))
				f.run()
			}
			witness.end()
			f.figure("at most %.1f s from its end to the new state", worst.Seconds())
		})
	}
}

func holds(s spoiling) string {
	if s.works {
		return "the sidecar goes on refreshing"
	}
	return "two attempts fail as transient, the last snapshot stays and is ready; afterwards the new state is published"
}

// TestHalfOpen abandons the connections that are open. HTTP/2 finds out by a ping: client-go's after 30 s of silence and 15 s of waiting.
func TestHalfOpen(t *testing.T) {
	patient(t, "pings find a dead connection after 45 seconds")
	w := newWorld(t, controlplane.Get(t))
	relay := newRelay(t, w)
	w.webhook("a", 0)
	p := w.start()
	f := begin(t, &fault{Area: "network", Name: "half-open", Made: "the open connections are abandoned without a word, as by a NAT that forgot them; new ones work",
		Holds: "the last snapshot stays; the dead connection is found out and left, the new state published"})
	witness := attach(t, w.path, f, "a")
	var worst time.Duration
	for i := range 2 {
		if relay.abandon() == 0 {
			t.Fatal("there was no connection to abandon")
		}
		w.webhook("a", i+1)
		begun := time.Now()
		waitFor(t, 2*time.Minute, "the sidecar finds out", func() error { return hasNumber(p, "a", i+1) })
		worst = max(worst, time.Since(begun))
		f.run()
	}
	witness.end()
	f.figure("at most %.0f s until the new state was published", worst.Seconds())
}

// expectNumber waits until a target has the content with that number.
func expectNumber(t *testing.T, p *sidecar.Process, name string, number int) {
	t.Helper()
	p.Until(fmt.Sprintf("publishes %s/%d", name, number), func() error { return hasNumber(p, name, number) })
}

func hasNumber(p *sidecar.Process, name string, number int) error {
	d := p.Document()
	if d == nil {
		return errors.New("there is no snapshot")
	}
	for _, e := range d.Entries {
		if e.Name == name {
			if strings.HasSuffix(e.URL, "/"+strconv.Itoa(number)) {
				return nil
			}
			return fmt.Errorf("%s is at %s, want %d", name, e.URL, number)
		}
	}
	return fmt.Errorf("%s is not there", name)
}

// expectTransient checks what a sidecar says that cannot reach the API server for now.
func expectTransient(f *fault, p *sidecar.Process) {
	f.t.Helper()
	if s := p.Status(); s.ErrorClass != "transient" || s.Hint == "" {
		f.violation("got class %q, error %q, hint %q; want transient and a hint", s.ErrorClass, s.Error, s.Hint)
	}
	expectReady(f, p)
}

func expectReady(f *fault, p *sidecar.Process) {
	f.t.Helper()
	for _, path := range []string{"/readyz", "/healthz"} {
		if code, body := p.Do("GET", path); code != 200 {
			f.violation("%s answers %d: %s", path, code, body)
		}
	}
}

// waitFor polls a condition until it holds, longer than a [sidecar.Process] does.
func waitFor(t *testing.T, patience time.Duration, what string, holds func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s: %v", patience, what, err)
		}
	}
}
