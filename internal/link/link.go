package link

import (
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// Fault is what is wrong with a link. The zero value is a link that works.
type Fault struct {
	// Cut resets all connections, and every new one.
	Cut bool
	// HoldRequests and HoldAnswers let nothing pass that way, from the client to the target and back; the ends notice
	// nothing. With both, or with HoldRequests alone, new connections are half open: accepted, and never answered.
	HoldRequests, HoldAnswers bool
	// Delay is how much later all bytes arrive, each way. It does not limit how many are on their way.
	Delay time.Duration
}

// Link forwards the connections to its address to its target. It is safe for parallel use.
type Link struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	fault Fault
	// changed is closed when fault changes, or connections are reset.
	changed     chan struct{}
	connections map[*net.TCPConn]struct{}
	closed      bool
}

// New listens on address, whose port may be 0, and forwards to target; both are host:port.
func New(address, target string) (*Link, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l := &Link{
		listener: listener, target: target, changed: make(chan struct{}), connections: map[*net.TCPConn]struct{}{},
	}
	l.running.Go(l.serve)
	return l, nil
}

// Address is where the link listens, as host:port.
func (l *Link) Address() string { return l.listener.Addr().String() }

// Set replaces the fault. What was on its way at that moment may still arrive.
func (l *Link) Set(f Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = f
	if f.Cut {
		l.reset(slices.Collect(maps.Keys(l.connections))...)
	} else {
		l.reset()
	}
}

// Reset resets the present connections. The fault decides about new ones.
func (l *Link) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reset(slices.Collect(maps.Keys(l.connections))...)
}

// drop resets connections.
func (l *Link) drop(connections ...*net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reset(connections...)
}

// reset resets connections and makes everything that waits look again. The caller holds mu.
func (l *Link) reset(connections ...*net.TCPConn) {
	for _, c := range connections {
		reset(c)
		delete(l.connections, c)
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// reset ends a connection in a way that the other end can't take for an orderly one.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// Close resets all connections and stops listening.
func (l *Link) Close() error {
	err := l.listener.Close()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.Set(Fault{Cut: true})
	l.running.Wait()
	return err
}

// state returns the fault, and a channel that is closed when that changes, or connections are reset.
func (l *Link) state() (Fault, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault, l.changed
}

// add registers c for the next cut to reset, and reports whether there is no cut at present.
func (l *Link) add(c *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.fault.Cut {
		reset(c)
		return false
	}
	l.connections[c] = struct{}{}
	return true
}

// has reports whether c was not reset.
func (l *Link) has(c *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, found := l.connections[c]
	return found
}

func (l *Link) serve() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		if client := c.(*net.TCPConn); l.add(client) {
			l.running.Go(func() { l.forward(client) })
		}
	}
}

// forward connects a client to the target, once requests pass, and copies both ways until both have ended.
func (l *Link) forward(client *net.TCPConn) {
	requests := func(f Fault) bool { return f.HoldRequests }
	if !l.await(client, requests) {
		return
	}
	c, err := net.Dial("tcp", l.target)
	if err != nil {
		l.drop(client)
		return
	}
	target := c.(*net.TCPConn)
	if !l.add(target) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.copy(target, client, requests) })
	both.Go(func() { l.copy(client, target, func(f Fault) bool { return f.HoldAnswers }) })
	both.Wait()
	l.drop(client, target)
}

// await waits until held reports false, and reports whether c is still there.
func (l *Link) await(c *net.TCPConn, held func(Fault) bool) bool {
	for {
		f, changed := l.state()
		if !l.has(c) || !held(f) {
			return l.has(c)
		}
		<-changed
	}
}
