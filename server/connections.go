package server

import (
	"net"
	"sync"
)

// boundedListener keeps the number of open connections within a bound: more wait in the kernel until one closes. So a
// crowd of connections can't take the file descriptors that the store and the audit log need.
type boundedListener struct {
	net.Listener
	// slots has an entry for every open connection.
	slots  chan struct{}
	closed chan struct{}
	close  func() error
}

func boundConnections(l net.Listener, most int) net.Listener {
	b := &boundedListener{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
	b.close = sync.OnceValue(func() error {
		close(b.closed)
		return l.Close()
	})
	return b
}

// Accept implements [net.Listener].
func (b *boundedListener) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	release := sync.OnceFunc(func() { <-b.slots })
	conn, err := b.Listener.Accept()
	if err != nil {
		release()
		return nil, err
	}
	return &boundedConn{Conn: conn, release: release}, nil
}

// Close implements [net.Listener].
func (b *boundedListener) Close() error { return b.close() }

type boundedConn struct {
	net.Conn
	release func()
}

// Close implements [net.Conn].
func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
