package cluster

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A balancer is a load balancer as docs/cluster.md describes it: it asks /healthz of all nodes, and sends new
// connections to the active one.
type balancer struct {
	*rig
	listener net.Listener

	mu sync.Mutex
	// open are the connections, by the node that they lead to.
	open map[net.Conn]*node
}

func newBalancer(r *rig) *balancer {
	r.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	b := &balancer{rig: r, listener: listener, open: map[net.Conn]*node{}}
	ctx, cancel := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.serve(ctx) })
	running.Go(func() { b.look(ctx) })
	r.t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		running.Wait()
	})
	return b
}

func (b *balancer) address() string { return b.listener.Addr().String() }

func (b *balancer) serve(ctx context.Context) {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.forward(ctx, c)
	}
}

// forward copies between a client and the active node, and ends the connection if there is none.
func (b *balancer) forward(ctx context.Context, client net.Conn) {
	defer client.Close()
	n := b.active(ctx)
	if n == nil {
		return
	}
	target, err := net.Dial("tcp", n.listen)
	if err != nil {
		return
	}
	defer target.Close()
	b.mu.Lock()
	b.open[client] = n
	b.mu.Unlock()
	go func() {
		_, _ = io.Copy(target, client)
		_ = target.Close()
	}()
	_, _ = io.Copy(client, target)
	b.mu.Lock()
	delete(b.open, client)
	b.mu.Unlock()
}

// look closes the connections to nodes that are no longer active. A health check has to fail three times.
func (b *balancer) look(ctx context.Context) {
	failed := 0
	for ctx.Err() == nil {
		active := b.active(ctx)
		if failed++; active != nil {
			failed = 0
		}
		if active != nil || failed >= 3 {
			b.closeAllBut(active)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (b *balancer) closeAllBut(active *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c, n := range b.open {
		if n != active {
			_ = c.Close()
		}
	}
}

func TestTheBalancerEndsConnectionsWithoutAnActiveNode(t *testing.T) {
	t.Parallel()
	r := &rig{t: t, nodes: []*node{{operations: "127.0.0.1:1"}}}
	c, err := net.Dial("tcp", newBalancer(r).address())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
}
