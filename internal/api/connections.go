package api

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// defaultConnections is how many connections a server keeps. Each costs about 20 KiB, and as much as sendBuffer in the kernel.
	defaultConnections = 512
	// maxUnread is how many connections may wait for their client to read for longer than unreadPatience: what they have not sent is in memory.
	maxUnread      = 64
	unreadPatience = time.Second
	// maxEnding is how many closed connections may still be in the hands of net/http, which has to notice, before more are accepted.
	maxEnding = 64
	// sendBuffer bounds what the kernel keeps of an answer that is not read, in bytes; it takes twice as much memory. By itself it would
	// take megabytes for each connection, which it counts to the container.
	sendBuffer = 16 << 10
	// drainGrace is what a request gets to arrive completely when the server shuts down.
	drainGrace = 100 * time.Millisecond
	// crowdedEvery is the least time between two log lines about connections that were closed to make room.
	crowdedEvery = time.Minute
)

// connections is a listener that bounds what its connections cost and yet turns nobody away: when there are too many, one of them is
// closed, of the address that has most, the one that has brought no request for longest. So a client that holds all places takes them from
// itself alone; and where all clients share an address, as behind a proxy, a new connection lives until as many newer ones have come.
type connections struct {
	net.Listener
	limit  int
	logger zerolog.Logger
	served chan struct{} // one element per connection that net/http serves
	ended  chan struct{} // closed when the listener is
	end    func()        // closes ended, once

	mu       sync.Mutex // guards the rest, and the fields of each connection
	open     map[*connection]bool
	of       map[netip.Addr]int // the number of open connections by address
	writing  int                // the number of open connections over which something is being written
	endBy    time.Time          // when reading ends for all, zero: never; set by drain
	closings int                // connections that were closed to make room since told
	told     time.Time          // when the log last said so
}

func newConnections(listener net.Listener, limit int, logger zerolog.Logger) *connections {
	ended := make(chan struct{})
	return &connections{
		Listener: listener, limit: limit, logger: logger, served: make(chan struct{}, limit+maxEnding),
		ended: ended, end: sync.OnceFunc(func() { close(ended) }),
		open: make(map[*connection]bool), of: make(map[netip.Addr]int),
	}
}

// Accept implements [net.Listener].
func (l *connections) Accept() (net.Conn, error) {
	select {
	case l.served <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	accepted, err := l.Listener.Accept()
	if err != nil {
		<-l.served
		return nil, err
	}
	c := &connection{Conn: accepted, listener: l, since: time.Now()}
	c.release = sync.OnceFunc(func() { <-l.served })
	if remote, err := netip.ParseAddrPort(accepted.RemoteAddr().String()); err == nil {
		c.address = remote.Addr().Unmap()
	}
	if tcp, ok := accepted.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // an error would say that the client has gone, which the first read tells
	}
	l.admit(c)
	return c, nil
}

// Close implements [net.Listener].
func (l *connections) Close() error {
	l.end()
	return l.Listener.Close()
}

// admit takes in a connection, in the place of another one if there are too many.
func (l *connections) admit(c *connection) {
	l.mu.Lock()
	if len(l.open) >= l.limit {
		l.makeRoom(func(*connection) bool { return true })
	}
	l.open[c] = true
	l.of[c.address]++
	l.mu.Unlock()
	l.tell()
}

// makeRoom closes the connection that has brought no request for longest, among the candidates of the address that has most connections.
func (l *connections) makeRoom(candidate func(*connection) bool) {
	var last *connection
	for c := range l.open {
		if !candidate(c) {
			continue
		}
		if last == nil || l.of[c.address] > l.of[last.address] || l.of[c.address] == l.of[last.address] && c.since.Before(last.since) {
			last = c
		}
	}
	if last == nil {
		return
	}
	l.forget(last)
	last.abort()
	l.closings++
}

// tell logs, once in a while, that connections were closed to make room.
func (l *connections) tell() {
	l.mu.Lock()
	closings := l.closings
	if closings == 0 || time.Since(l.told) < crowdedEvery {
		l.mu.Unlock()
		return
	}
	l.closings, l.told = 0, time.Now()
	busiest := netip.Addr{}
	for address, count := range l.of {
		if count > l.of[busiest] {
			busiest = address
		}
	}
	count := l.of[busiest]
	l.mu.Unlock()
	l.logger.Warn().Int("limit", l.limit).Int("closed", closings).Stringer("busiest_address", busiest).Int("of_busiest", count).
		Msg("too many connections, the oldest of the busiest address are closed")
}

// forget no longer counts a connection.
func (l *connections) forget(c *connection) {
	if !l.open[c] {
		return
	}
	delete(l.open, c)
	if l.of[c.address]--; l.of[c.address] == 0 {
		delete(l.of, c.address)
	}
	if !c.writing.IsZero() {
		l.writing--
	}
}

// touch notes that a request has come over a connection.
func (l *connections) touch(conn net.Conn) {
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	if c, ok := conn.(*connection); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.since = time.Now()
	}
}

// drain ends the reading of all requests that have not arrived completely, soon. Answers are still sent.
func (l *connections) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.endBy.IsZero() {
		return
	}
	l.endBy = time.Now().Add(drainGrace)
	for c := range l.open {
		_ = c.Conn.SetReadDeadline(l.endBy) // an error says that it is closed
	}
}

// connection is one that counts.
type connection struct {
	net.Conn
	listener *connections
	release  func()     // gives the place among those that net/http serves back, once
	address  netip.Addr // without port
	since    time.Time  // when it was accepted, or its last request came
	writing  time.Time  // when the write began that has not ended; zero: there is none
}

// Write implements [net.Conn].
func (c *connection) Write(p []byte) (int, error) {
	c.beginWrite()
	defer c.endWrite()
	return c.Conn.Write(p)
}

func (c *connection) beginWrite() {
	l, now := c.listener, time.Now()
	l.mu.Lock()
	if l.open[c] {
		c.writing = now
		if l.writing++; l.writing > maxUnread {
			l.makeRoom(func(c *connection) bool { return !c.writing.IsZero() && now.Sub(c.writing) > unreadPatience })
		}
	}
	l.mu.Unlock()
	l.tell()
}

func (c *connection) endWrite() {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[c] {
		c.writing = time.Time{}
		l.writing--
	}
}

// SetReadDeadline implements [net.Conn]. After drain it moves the deadline no further.
func (c *connection) SetReadDeadline(t time.Time) error {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if end := l.endBy; !end.IsZero() && (t.IsZero() || t.After(end)) {
		t = end
	}
	return c.Conn.SetReadDeadline(t)
}

// CloseWrite lets net/http say that an answer has ended while the client still sends: closed at once, the connection would be reset and the
// answer lost.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements [net.Conn]. net/http calls it when it is done with the connection.
func (c *connection) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
	c.release()
	return c.Conn.Close()
}

// abort closes the connection under net/http's hands. What the client has not read is dropped: else the kernel would keep it for minutes.
func (c *connection) abort() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
}
