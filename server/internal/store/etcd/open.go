package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Open opens the store for a program that needs nothing but the store, such as one that restores a backup. Until it is
// closed, no node can become the active one. If there is an active node, and still is after a lease, the error wraps
// [store.ErrLocked]; if etcd can't be reached for so long, [store.ErrUnavailable].
func Open(ctx context.Context, o Options, self cluster.Peer) (store.Store, error) {
	n := Join(o)
	bounded, cancel := context.WithTimeoutCause(ctx, n.lease, errLeaderStays)
	defer cancel()
	t, err := n.lead(bounded, self)
	if err != nil {
		return nil, errors.Join(n.whyNot(bounded, err), n.Close())
	}
	return &opened{t.store, n}, nil
}

var errLeaderStays = errors.New("a lease has passed")

// whyNot returns why this node has not become the active one.
func (n *Node) whyNot(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), errLeaderStays) {
		return err
	}
	if leader, ok := n.Leader(); ok {
		return fmt.Errorf("%w: the active node is %q at %q", store.ErrLocked, leader.Name, leader.Address)
	}
	return fmt.Errorf("%w: etcd did not answer in time", store.ErrUnavailable)
}

// opened is a store that is the only use of its node.
type opened struct {
	*Store
	node *Node
}

// Close implements [store.Store].
func (o *opened) Close() error { return errors.Join(o.Store.Close(), o.node.Close()) }
