package connlimit

import (
	"container/list"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
)

// Limits are the limits of one listener.
type Limits struct {
	// Connections is how many connections may be open at once.
	Connections int
	// StrangersPerAddress is how many of them a source address may have that were never authenticated; 0 means no
	// limit.
	StrangersPerAddress int
}

// Metrics counts what happens to connections.
type Metrics interface {
	// ConnectionClosed counts a connection that was closed because a bound was reached.
	ConnectionClosed(bound string)
	// AnsweredByHTTP counts a connection on which net/http has answered on its own, because it could not parse the
	// request.
	AnsweredByHTTP()
}

// The bounds that connections are closed for.
const (
	BoundConnections = "max_connections"
	BoundAddress     = "max_unauthenticated_per_address"
	BoundLarge       = "large_request_time"
	BoundFiles       = "open_files"
)

// Bounds are all values of [Metrics.ConnectionClosed].
var Bounds = []string{BoundConnections, BoundAddress, BoundLarge, BoundFiles}

// Listener is a [net.Listener] with bounds. It is safe for concurrent use.
type Listener struct {
	net.Listener
	limits  Limits
	turns   Turns
	metrics Metrics

	// mu guards the fields below, and the fields of connections that say so.
	mu sync.Mutex
	// room is signalled when a connection is closed or becomes idle.
	room   *sync.Cond
	closed bool
	open   int
	// strangers are the connections that were never authenticated, the oldest first. idle are the other connections
	// that carry no authenticated request, the longest idle first.
	strangers, idle list.List
	perAddress      map[netip.Addr]int
}

// Listen returns a Listener that accepts from l.
func Listen(l net.Listener, limits Limits, turns Turns, m Metrics) *Listener {
	bounded := &Listener{Listener: l, limits: limits, turns: turns, metrics: m, perAddress: map[netip.Addr]int{}}
	bounded.room = sync.NewCond(&bounded.mu)
	return bounded
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	raw, err := l.acceptRaw()
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: raw, listener: l, address: addressOf(raw), gone: make(chan struct{})}
	if !l.admit(c) {
		_ = raw.Close() // Nothing was sent on it.
		return nil, net.ErrClosed
	}
	return c, nil
}

// acceptRaw accepts a connection. If the process has too many files open, it closes other connections first.
func (l *Listener) acceptRaw() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !l.dropNext(BoundFiles) {
			return raw, err
		}
	}
}

// dropNext closes the next connection that may be closed, and reports whether there was one.
func (l *Listener) dropNext(bound string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.next()
	if next != nil {
		l.drop(next, bound)
	}
	return next != nil
}

// Close implements [net.Listener].
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.room.Broadcast()
	l.mu.Unlock()
	return l.Listener.Close()
}

// admit makes room for c. It returns false if the listener was closed before there was room.
func (l *Listener) admit(c *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if most := l.limits.StrangersPerAddress; most > 0 && c.isBoundByAddress() && l.perAddress[c.address] >= most {
		l.drop(l.oldestOf(c.address), BoundAddress)
	}
	for l.open >= l.limits.Connections && !l.closed {
		if next := l.next(); next != nil {
			l.drop(next, BoundConnections)
		} else {
			l.room.Wait()
		}
	}
	if l.closed {
		return false
	}
	l.open++
	l.perAddress[c.address]++
	c.place = l.strangers.PushBack(c)
	return true
}

// strangersShare sets the part of all connections, 1/strangersShare, up to which strangers are not closed while others
// are idle. Otherwise, with many idle connections, new callers would close each other's connections before they are
// authenticated.
const strangersShare = 8

// next returns the next connection to be closed, or nil if all carry requests of authenticated callers.
func (l *Listener) next() *Conn {
	if l.strangers.Len() > l.limits.Connections/strangersShare || l.idle.Len() == 0 {
		return first(&l.strangers)
	}
	return first(&l.idle)
}

func first(l *list.List) *Conn {
	if e := l.Front(); e != nil {
		return e.Value.(*Conn)
	}
	return nil
}

// oldestOf returns the oldest stranger from an address, which must have one.
func (l *Listener) oldestOf(address netip.Addr) *Conn {
	e := l.strangers.Front()
	for e.Value.(*Conn).address != address {
		e = e.Next()
	}
	return e.Value.(*Conn)
}

// drop closes a connection. l.mu is held.
func (l *Listener) drop(c *Conn, bound string) {
	l.remove(c)
	l.metrics.ConnectionClosed(bound)
	_ = c.Conn.Close() // An error does not matter here.
}

// remove stops counting a connection, once. l.mu is held.
func (l *Listener) remove(c *Conn) {
	if c.removed {
		return
	}
	c.removed = true
	close(c.gone)
	l.open--
	if !c.authenticated.Load() {
		l.forgetStranger(c)
	} else {
		l.endIdle(c)
	}
	l.room.Broadcast()
}

// forgetStranger removes c from the strangers. l.mu is held.
func (l *Listener) forgetStranger(c *Conn) {
	l.strangers.Remove(c.place)
	c.place = nil
	if l.perAddress[c.address]--; l.perAddress[c.address] == 0 {
		delete(l.perAddress, c.address)
	}
	c.endTurn()
}

// Track is for [http.Server.ConnState].
func (l *Listener) Track(conn net.Conn, state http.ConnState) {
	c := Of(conn)
	switch state {
	case http.StateActive:
		c.handled.Store(false)
		c.active.Store(true)
		l.beginIdle(c)
	case http.StateIdle:
		l.beginIdle(c)
	}
}

// beginIdle puts the connection of an authenticated caller at the end of the idle ones. A connection whose request is
// still being received counts as idle, so that sending slowly does not keep it open.
func (l *Listener) beginIdle(c *Conn) {
	if !c.authenticated.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.removed {
		return
	}
	l.endIdle(c)
	c.place = l.idle.PushBack(c)
	l.room.Broadcast()
}

// endIdle removes the connection of an authenticated caller from the idle ones. l.mu is held.
func (l *Listener) endIdle(c *Conn) {
	if c.place != nil {
		l.idle.Remove(c.place)
		c.place = nil
	}
}
