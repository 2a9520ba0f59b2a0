package cluster

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

const (
	// checkEvery is the time between two checks of a node, and checkTime how long a check may take.
	checkEvery, checkTime = 500 * time.Millisecond, time.Second
	// checksFail is how many checks in a row must fail. One that succeeds is enough.
	checksFail = 2
)

// A balancer does what HAProxy does as docs/cluster.md configures it, but checks more often: connections go in turn to
// all nodes that can serve, and those to a node that no longer can are closed.
type balancer struct {
	*rig
	listener net.Listener
	targets  []*target

	mu sync.Mutex // guards next, and the targets' fields that say so
	// next is the number of the target that is next.
	next int
}

// A target is a node, as far as a balancer sees it.
type target struct {
	// service and health are the links to it.
	service, health *link.Link
	// up says that connections go there, and open are these connections. The balancer's mu guards both.
	up   bool
	open map[net.Conn]bool
}

// newBalancer starts a balancer, which considers all nodes good until [balancer.check].
func newBalancer(r *rig) *balancer {
	r.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	b := &balancer{rig: r, listener: listener}
	for _, n := range r.nodes {
		n.checks = newLink(r.t, n.operations)
		b.targets = append(b.targets, &target{service: n.callers, health: n.checks, up: true, open: map[net.Conn]bool{}})
	}
	var running sync.WaitGroup
	running.Go(b.serve)
	r.t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return b
}

// check begins to check the nodes.
func (b *balancer) check() {
	ctx, cancel := context.WithCancel(b.t.Context())
	var running sync.WaitGroup
	for _, to := range b.targets {
		running.Go(func() { b.watch(ctx, to) })
	}
	b.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func (b *balancer) address() string { return b.listener.Addr().String() }

func (b *balancer) serve() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.forward(c)
	}
}

// forward copies between a client and a node, and ends the connection if none can serve.
func (b *balancer) forward(client net.Conn) {
	defer client.Close()
	to := b.pick(client)
	if to == nil {
		return
	}
	defer b.forget(to, client)
	server, err := net.Dial("tcp", to.service.Address())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}

// pick returns the node whose turn it is, and notes the connection to it.
func (b *balancer) pick(client net.Conn) *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.targets {
		to := b.targets[b.next%len(b.targets)]
		b.next++
		if to.up {
			to.open[client] = true
			return to
		}
	}
	return nil
}

func (b *balancer) forget(to *target, client net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(to.open, client)
}

// watch checks a node again and again.
func (b *balancer) watch(ctx context.Context, to *target) {
	for failed := 0; ctx.Err() == nil; time.Sleep(checkEvery) {
		if failed++; to.canServe(ctx) {
			failed = 0
		}
		if failed == 0 || failed >= checksFail {
			b.mark(to, failed == 0)
		}
	}
}

func (to *target) canServe(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	status, _ := ask(ctx, "http://"+to.health.Address()+"/healthz?standbyok=true")
	return status == http.StatusOK
}

// mark sets whether connections go to a node, and closes those to one that is down.
func (b *balancer) mark(to *target, up bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	to.up = up
	for c := range to.open {
		if !up {
			_ = c.Close()
		}
	}
}

// awaitServing waits until connections go to that many nodes.
func (b *balancer) awaitServing(nodes int) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.serving() == nodes }, recovery, checkEvery/10)
}

// serving is how many nodes connections go to.
func (b *balancer) serving() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	up := slices.DeleteFunc(slices.Clone(b.targets), func(to *target) bool { return !to.up })
	return len(up)
}

func TestTheBalancerEndsConnectionsWithoutANodeThatServes(t *testing.T) {
	t.Parallel()
	n := &node{operations: "127.0.0.1:1", callers: newLink(t, "127.0.0.1:1")}
	b := newBalancer(&rig{t: t, nodes: []*node{n}})
	b.check()
	b.awaitServing(0)
	c, err := net.Dial("tcp", b.address())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
}
