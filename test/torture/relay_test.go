package torture_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// relay is a TCP relay whose open connections can be abandoned as by a host that lost power, or by a NAT that forgot them: nothing is
// answered on them any more, not even that they are closed, while new ones work.
type relay struct {
	upstream string
	listener net.Listener
	group    sync.WaitGroup

	mu    sync.Mutex
	pairs []*pair
}

// pair is one connection through the relay.
type pair struct {
	down, up net.Conn
	gone     chan struct{}
}

func newRelay(t *testing.T, w *world) *relay {
	t.Helper()
	upstream, err := url.Parse(w.access.server)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{upstream: upstream.Host, listener: listener}
	r.group.Go(r.accept)
	t.Cleanup(r.close)
	w.access.server = "https://" + listener.Addr().String()
	return r
}

func (r *relay) accept() {
	for {
		down, err := r.listener.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", r.upstream)
		if err != nil {
			_ = down.Close()
			continue
		}
		p := &pair{down, up, make(chan struct{})}
		r.mu.Lock()
		r.pairs = append(r.pairs, p)
		r.mu.Unlock()
		r.group.Go(func() { p.copy(up, down) })
		r.group.Go(func() { p.copy(down, up) })
	}
}

// copy passes bytes on until one side ends, which ends the other, or until the pair is abandoned, which ends nothing.
func (p *pair) copy(to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-p.gone: // the kernel goes on acknowledging what it can hold; nobody answers
			return
		default:
		}
		if n > 0 {
			_, werr := to.Write(buffer[:n])
			if err == nil {
				err = werr
			}
		}
		if err != nil {
			_, _ = p.down.Close(), p.up.Close()
			return
		}
	}
}

// abandon leaves all open connections as they are, for good.
func (r *relay) abandon() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pairs {
		select {
		case <-p.gone:
		default:
			close(p.gone)
		}
	}
	return len(r.pairs)
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	for _, p := range r.pairs {
		_, _ = p.down.Close(), p.up.Close()
	}
	r.mu.Unlock()
	r.group.Wait()
}
