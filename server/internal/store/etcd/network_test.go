package etcd_test

import (
	"context"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fate is what happens to a transaction on its way.
type fate int

const (
	arrives fate = iota
	// requestLost never reaches etcd.
	requestLost
	// answerLost takes effect, but its answer is lost.
	answerLost
	// late reaches etcd when deliver is called.
	late
	// refused is answered by etcd with an error, and has no effect.
	refused
	// refusedAndApplied is answered with an error but takes effect, as when it fills etcd's quota.
	refusedAndApplied
)

// network is a faulty network between a client and etcd.
type network struct {
	clientv3.KV
	mu sync.Mutex
	// fate decides what happens to the n-th transaction from now on, counted from 0.
	fate func(n int) fate
	n    int
	held []func()
}

// faulty returns a client of etcd on a network that has no faults yet.
func faulty(t testing.TB, endpoints ...string) (*clientv3.Client, *network) {
	client := dial(t, endpoints...)
	n := &network{KV: client.KV}
	client.KV = n
	return client, n
}

// set sets the fates of transactions from now on.
func (n *network) set(decide func(n int) fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate, n.n = decide, 0
}

// deliver sends the late transactions.
func (n *network) deliver() {
	n.mu.Lock()
	held := n.held
	n.held = nil
	n.mu.Unlock()
	for _, send := range held {
		send()
	}
}

func (n *network) next() fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fate == nil {
		return arrives
	}
	n.n++
	return n.fate(n.n - 1)
}

// Txn implements [clientv3.KV].
func (n *network) Txn(ctx context.Context) clientv3.Txn { return &sent{network: n, ctx: ctx} }

// sent is a transaction on its way.
type sent struct {
	*network
	ctx        context.Context
	conditions []clientv3.Cmp
	then, els  []clientv3.Op
}

func (s *sent) If(c ...clientv3.Cmp) clientv3.Txn    { s.conditions = c; return s }
func (s *sent) Then(ops ...clientv3.Op) clientv3.Txn { s.then = ops; return s }
func (s *sent) Else(ops ...clientv3.Op) clientv3.Txn { s.els = ops; return s }

// Commit implements [clientv3.Txn].
func (s *sent) Commit() (*clientv3.TxnResponse, error) {
	send := func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return s.KV.Txn(ctx).If(s.conditions...).Then(s.then...).Else(s.els...).Commit()
	}
	switch s.next() {
	case requestLost:
	case answerLost:
		_, _ = send(s.ctx)
	case late:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held = append(s.held, func() { _, _ = send(context.WithoutCancel(s.ctx)) })
	case refusedAndApplied:
		_, _ = send(s.ctx)
		return nil, status.Error(codes.ResourceExhausted, "refused")
	case refused:
		return nil, status.Error(codes.ResourceExhausted, "refused")
	default:
		return send(s.ctx)
	}
	return nil, status.Error(codes.Unavailable, "lost on the network")
}
