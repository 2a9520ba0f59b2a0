package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Open opens the store for a program that needs nothing but the store, such as one that restores a backup. Until it is
// closed, no node can become active. If there is an active node for longer than the lease of a dead one could last, the
// error wraps [store.ErrLocked]; if etcd can't be reached or refuses for that long, [store.ErrUnavailable]. Reading the
// store, and finishing a large update that another process has left, may take longer.
func Open(ctx context.Context, o Options, self cluster.Peer) (cluster.Alone, error) {
	n := Join(o)
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n.works.Go(func() { cancel(n.awaitClaim(bounded)) })
	t, err := n.lead(bounded, self)
	if err != nil {
		if cause := context.Cause(bounded); cause != nil {
			err = cause
		}
		return nil, errors.Join(err, n.Close())
	}
	return &opened{t.store, n}, nil
}

// expiryDelay is how late etcd may be in ending the lease of a process that has died.
const expiryDelay = 1500 * time.Millisecond

// awaitClaim waits until the node has won an election, and then for the end of ctx. Once nothing has changed for longer
// than a lease, it returns why the election can't be won.
func (n *Node) awaitClaim(ctx context.Context) error {
	ticks := time.NewTicker(n.lease / 8)
	defer ticks.Stop()
	var last waiting
	for since := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		now := n.waitsFor()
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) >= n.lease+expiryDelay && !n.claimed.Load() {
			return n.whyNot(now.leader)
		}
	}
}

// waiting is what a node that wants to become active waits for. When it changes, the wait starts over.
type waiting struct {
	leader leader
	// heard is when etcd last answered, until the store is loaded.
	heard instant
}

func (n *Node) waitsFor() (w waiting) {
	if v := n.follower.Load().seen.Load(); v != nil {
		w.leader = v.leader
		return w
	}
	if answered := n.answered.Load(); answered != nil {
		w.heard = *answered
	}
	return w
}

// whyNot returns why this node has not become active; l is the leader it sees, if any.
func (n *Node) whyNot(l leader) error {
	switch refused := n.refused.Load(); {
	case l.created != 0 && l.Address == "":
		return fmt.Errorf("%w: %q", store.ErrLocked, l.Name)
	case l.created != 0:
		return fmt.Errorf("%w: the active node is %q at %q", store.ErrLocked, l.Name, l.Address)
	case refused != nil:
		return &unusable{*refused}
	default:
		return &unusable{errors.New("etcd did not answer in time")}
	}
}

// opened is a store that owns its node.
type opened struct {
	*Store
	node *Node
}

// Close implements [store.Store].
func (o *opened) Close() error { return errors.Join(o.Store.Close(), o.node.Close()) }
