package etcd

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

// connections are the connections of one client. A connection on which a request was not answered in time is closed,
// since gRPC would keep using it: gRPC pings at most every 10 seconds, and by then a lease is over. Requests then take
// other connections, and watches start again on those.
type connections struct {
	// patience is how long a request must have waited before its connection is closed.
	patience time.Duration

	mu sync.Mutex // guards open
	// open has connections by their local address.
	open map[string]net.Conn
}

func newConnections(lease time.Duration) *connections {
	return &connections{patience: lease / answerWithin, open: map[string]net.Conn{}}
}

// dial opens gRPC's connections. gRPC's own dialer would take a proxy from the environment.
func (c *connections) dial(ctx context.Context, address string) (net.Conn, error) {
	dialed, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[dialed.LocalAddr().String()] = dialed
	return &connection{dialed, c}, nil
}

// connection removes itself from its connections when it is closed.
type connection struct {
	net.Conn
	of *connections
}

func (c *connection) Close() error {
	c.of.forget(c.LocalAddr().String())
	return c.Conn.Close()
}

// forget removes and returns the connection with a local address, or nil if it was already closed.
func (c *connections) forget(local string) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.open[local]
	delete(c.open, local)
	return found
}

// unary closes the connection of a request that was not answered by its deadline.
func (c *connections) unary(
	ctx context.Context, method string, request, answer any, to *grpc.ClientConn, invoke grpc.UnaryInvoker,
	options ...grpc.CallOption,
) error {
	var by peer.Peer
	began := time.Now()
	err := invoke(ctx, method, request, answer, to, append(options, grpc.Peer(&by))...)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && by.LocalAddr != nil && time.Since(began) >= c.patience {
		if silent := c.forget(by.LocalAddr.String()); silent != nil {
			_ = silent.Close() // gRPC reports it to the connection's users.
		}
	}
	if tried, ok := ctx.Value(triesOf{}).(*tries); ok {
		tried.note(err)
	}
	return err
}

// probe sends a small read on one connection after another until the client is closed: a watch can't tell a dead
// connection from a store without changes. The read is linearizable, so a member that is cut off from the others does
// not answer either.
func (c *connections) probe(client *clientv3.Client, prefix string) {
	ticks := time.NewTicker(c.patience * answerWithin / probeEvery)
	defer ticks.Stop()
	var asking sync.WaitGroup
	defer asking.Wait()
	for {
		for range client.Endpoints() {
			asking.Go(func() {
				ctx, cancel := context.WithTimeout(client.Ctx(), c.patience)
				defer cancel()
				// Requests that need an answer report the failure.
				_, _ = client.Get(ctx, prefix, clientv3.WithCountOnly())
			})
		}
		select {
		case <-client.Ctx().Done():
			return
		case <-ticks.C:
		}
	}
}
