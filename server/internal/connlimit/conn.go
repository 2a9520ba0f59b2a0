package connlimit

import (
	"bytes"
	"container/list"
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Conn is a connection of a [Listener].
type Conn struct {
	net.Conn
	listener *Listener
	address  netip.Addr
	// gone is closed with the connection.
	gone chan struct{}

	// authenticated is set once, under the listener's mu.
	authenticated atomic.Bool
	// active is set once a request has begun, and handled while the handler has it or its answer is written.
	active, handled atomic.Bool
	// received counts the bytes that a stranger has sent. Only the reader uses it.
	received int

	// The listener's mu guards the fields below.
	removed bool
	// place is the connection's element in the list of strangers or of idle connections; nil means neither.
	place *list.Element
	turn  *turn
}

// Of returns the Conn that conn is, or that the TLS connection conn is based on.
func Of(conn net.Conn) *Conn {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	return conn.(*Conn)
}

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// Authenticated says that the request on the connection was authenticated. Until the request has been answered, the
// connection is not closed to make room for another.
func (c *Conn) Authenticated() {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.removed:
	case !c.authenticated.Load():
		l.forgetStranger(c)
		c.authenticated.Store(true)
	default:
		l.endIdle(c)
	}
}

// TrustedBytes is how much a stranger may send without a turn, in bytes: the TLS handshake and a header.
const TrustedBytes = 8 << 10

// Read implements [net.Conn]. A stranger that sends a large header waits for its turn.
func (c *Conn) Read(p []byte) (int, error) {
	if c.authenticated.Load() || c.handled.Load() {
		return c.Conn.Read(p)
	}
	if c.received >= TrustedBytes {
		if err := c.AwaitLarge(context.Background()); err != nil {
			return 0, err
		}
	} else {
		p = p[:min(len(p), TrustedBytes-c.received)]
	}
	n, err := c.Conn.Read(p)
	c.received += n
	return n, err
}

// AwaitLarge waits until the connection may carry a request of any size. An authenticated caller need not wait.
func (c *Conn) AwaitLarge(ctx context.Context) error {
	if c.authenticated.Load() {
		return nil
	}
	if c.hasTurn() {
		return nil
	}
	wait := time.NewTimer(LargeWait)
	defer wait.Stop()
	select {
	case c.listener.turns <- struct{}{}:
		return c.beginTurn()
	case <-c.gone:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return context.DeadlineExceeded
	}
}

// Handled says that a request has reached the handler.
func (c *Conn) Handled() { c.handled.Store(true) }

// What net/http writes on its own: in reply to a plain HTTP request on a TLS listener, or to a request that it can't
// read. The latter is longer than TLS's closing alert.
var (
	noTLS      = []byte("HTTP/1.0 400")
	minRefusal = 64
)

// Write implements [net.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	if !c.handled.Load() && (c.active.Load() && len(p) >= minRefusal || bytes.HasPrefix(p, noTLS)) {
		c.listener.metrics.AnsweredByHTTP()
	}
	return c.Conn.Write(p)
}

// addressOf returns the source address that a connection is counted under.
func addressOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	if address.Is6() {
		const network = 64
		prefix, _ := address.Prefix(network) // It fails only for lengths beyond 128.
		return prefix.Addr()
	}
	return address
}

// isBoundByAddress reports whether the bound per source address applies: not to loopback addresses, since a local proxy
// may serve many clients.
func (c *Conn) isBoundByAddress() bool {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
