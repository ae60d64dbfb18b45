package torture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// caller is a kind of hostile connection.
type caller struct {
	name string
	hold func(net.Conn) error // sends something and returns when the sidecar has closed the connection

	count, targets int // of connections, and of what is published
	in             container
}

// container is a line of README's table of sizes.
type container struct {
	goMemLimit string
	limit      int // MiB
}

func hostileCallers() []caller {
	const targets = "/api/v2/publishing/targets"
	request := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" }
	slowly := func(c net.Conn) error { return trickle(c, request(targets)+"\r\n") }
	many, published, example := times(3000, 700), times(2000, 500), container{"40MiB", 64}
	return []caller{
		{"half-sent requests", func(c net.Conn) error {
			if _, err := io.WriteString(c, request("/healthz")+"X-Half: "+strings.Repeat("x", 12<<10)); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, c)
			return err
		}, many, published, example},
		{"idle connections", func(c net.Conn) error {
			if _, err := io.WriteString(c, request("/healthz")+"\r\n"); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, c)
			return err
		}, many, published, example},
		{"readers of the list of targets that hardly read", slowly, many, published, example},
		{"readers of a long list of targets that hardly read", slowly, 100, times(10_000, 1000), container{"90MiB", 160}},
		{"readers of the page and of metrics that hardly read", func(c net.Conn) error {
			return trickle(c, request("/metrics")+"\r\n"+request("/")+"\r\n"+request("/")+"\r\n")
		}, many, published, example},
	}
}

// trickle asks, and reads a byte of the answer ten times a second.
func trickle(c net.Conn, request string) error {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return err
		}
	}
	return nil
}

// TestHostileConnections has callers hold thousands of connections, in each way in which one costs something, while a kubelet probes and a
// Prometheus scrapes. The limits of README's table of sizes apply.
func TestHostileConnections(t *testing.T) {
	cgroupless(t)
	for _, c := range hostileCallers() {
		t.Run(c.name, func(t *testing.T) {
			f := begin(t, &fault{Area: "callers", Name: c.name,
				Made:  fmt.Sprintf("%d connections at a time, half of them from the kubelet's own address, each made again a second after it was closed; %d targets; memory limit %d MiB, GOMEMLIMIT=%s", c.count, c.targets, c.in.limit, c.in.goMemLimit),
				Holds: "every probe is answered, 99 of 100 within a second; scrapes from another address succeed; the limit holds"})
			p, cgroup := inContainer(t, c.in, c.targets)
			siege := lay(t, c, p)
			probes := probe(t, f, p, during(10*time.Second, 2*time.Second))
			siege.lift()
			p99 := probes[len(probes)*99/100]
			f.figure("probes: p99 %d ms, longest %d ms; at most %.0f MiB, and %.0f MiB of sockets; %d connections closed", p99.Milliseconds(),
				probes[len(probes)-1].Milliseconds(), cgroup.Peak(t), cgroup.PeakOfSockets(t), siege.closed)
			if *full && p99 > time.Second {
				f.violation("got %s at the 99th percentile of probes, want at most 1s", p99)
			}
			if most := cgroup.Peak(t) + cgroup.PeakOfSockets(t); most >= float64(c.in.limit) {
				f.violation("got %.0f MiB with the sockets' buffers, want less than the limit", most)
			}
		})
	}
}

// cgroupless skips the test where the kernel offers no memory cgroup.
func cgroupless(t *testing.T) {
	t.Helper()
	cgroup, err := sidecar.NewCgroup(t)
	if err == nil {
		err = cgroup.Limit(64)
	}
	if err != nil {
		t.Skip(err)
	}
}

// inContainer runs the sidecar with that much memory.
func inContainer(t *testing.T, in container, targets int) (*sidecar.Process, sidecar.Cgroup) {
	t.Helper()
	cgroup, err := sidecar.NewCgroup(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := cgroup.Limit(in.limit); err != nil {
		t.Fatal(err)
	}
	var items []any
	for i := range targets {
		items = append(items, manifest(fmt.Sprintf("target-%05d", i), webhook(i)))
	}
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.json"), items)
	program := cgroup.Program(t, with(t, "GOMEMLIMIT="+in.goMemLimit, releaseBinary(t)))
	p := sidecar.StartBinary(t, program, filepath.Join(sidecar.InMemory(t), "targets.json"), "--manifests", dir, "--rate-limit", "0")
	p.Until("publishes", func() error { return succeeded(p) })
	return p, cgroup
}

// siege is a number of hostile connections.
type siege struct {
	stop   context.CancelFunc
	group  sync.WaitGroup
	mu     sync.Mutex
	closed int // by the sidecar
}

// lay keeps so many connections open, from two addresses.
func lay(t *testing.T, c caller, p *sidecar.Process) *siege {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &siege{stop: cancel}
	var first sync.WaitGroup
	for i := range c.count {
		dialer := from(fmt.Sprintf("127.0.0.%d", 1+i%2))
		first.Add(1)
		s.group.Go(func() {
			done := sync.OnceFunc(first.Done)
			defer done()
			for ctx.Err() == nil {
				conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(p.URL, "http://"))
				done()
				if err != nil {
					continue
				}
				end := context.AfterFunc(ctx, func() { _ = conn.Close() })
				_ = c.hold(conn) // that it was closed is the point
				end()
				_ = conn.Close()
				s.mu.Lock()
				s.closed++
				s.mu.Unlock()
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
		})
	}
	first.Wait()
	t.Cleanup(s.lift)
	return s
}

// from dials from an address of the loopback network.
func from(address string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
}

func (s *siege) lift() {
	s.stop()
	s.group.Wait()
}

// probe asks as a kubelet does, over a connection of its own each time, and as a Prometheus does, over one that it keeps. It returns how long
// the probes took, sorted.
func probe(t *testing.T, f *fault, p *sidecar.Process, lasts time.Duration) (took []time.Duration) {
	kubelet := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: from("127.0.0.1").DialContext}}
	prometheus := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: from("127.0.0.3").DialContext}}
	defer prometheus.CloseIdleConnections()
	ask := func(client *http.Client, path string) error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for i := 0; time.Since(begun) < lasts; i++ {
		<-tick.C
		asked := time.Now()
		if err := ask(kubelet, "/healthz"); err != nil {
			f.violation("a probe after %s: %v", asked.Sub(begun), err)
		}
		took = append(took, time.Since(asked))
		if i%20 == 0 {
			if err := ask(prometheus, "/metrics"); err != nil {
				f.violation("a scrape after %s: %v", asked.Sub(begun), err)
			}
		}
		f.run()
	}
	slices.Sort(took)
	return took
}
