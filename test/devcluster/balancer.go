package main

import (
	"io"
	"net"
	"sync"
)

// balancer sends connections to the active node, or to one that forwards requests. It knows only TCP: TLS is between
// the clients and the nodes.
type balancer struct {
	listener net.Listener
	nodes    []*node

	mu sync.Mutex
	// open are the clients' connections, with the nodes that they lead to.
	open map[net.Conn]*node
}

func newBalancer() (*balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &balancer{listener: listener, open: map[net.Conn]*node{}}, nil
}

// start lets connections in.
func (b *balancer) start(nodes []*node) {
	b.nodes = nodes
	go b.serve()
}

func (b *balancer) address() string { return b.listener.Addr().String() }

func (b *balancer) close() { _ = b.listener.Close() }

func (b *balancer) serve() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.forward(client)
	}
}

// forward copies in both directions until one end is closed. A client whose connection is closed at once tries again.
func (b *balancer) forward(client net.Conn) {
	defer client.Close()
	server, to := b.dial()
	if server == nil {
		return
	}
	defer server.Close()
	b.note(client, to)
	defer b.note(client, nil)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			_ = client.Close()
			_ = server.Close()
		})
	}
	both.Wait()
}

// note records which node a connection leads to, as long as it leads to one.
func (b *balancer) note(client net.Conn, to *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to == nil {
		delete(b.open, client)
	} else {
		b.open[client] = to
	}
}

// cut closes the connections to a node that does not answer, so that clients need not find out.
func (b *balancer) cut(n *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for client, to := range b.open {
		if to == n {
			_ = client.Close()
		}
	}
}

// dial connects to the active node if it can, and else to one that may forward. It returns nil if there is none.
func (b *balancer) dial() (net.Conn, *node) {
	for _, fits := range []func(*node) bool{(*node).isActive, (*node).canServe, func(*node) bool { return true }} {
		for _, n := range b.nodes {
			if !fits(n) {
				continue
			}
			if c, err := net.Dial("tcp", n.listen); err == nil {
				return c, n
			}
		}
	}
	return nil, nil
}
