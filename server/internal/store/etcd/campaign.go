package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Lead implements [cluster.Node]. It keeps trying while etcd is unreachable or refuses, so the error is that of ctx, or
// wraps [store.ErrClosed] or [store.ErrDamaged].
func (n *Node) Lead(ctx context.Context, self cluster.Peer) (cluster.Term, error) {
	t, err := n.lead(ctx, self)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (n *Node) lead(ctx context.Context, self cluster.Peer) (*Term, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	select {
	case n.leading <- struct{}{}:
	case <-ctx.Done():
		return nil, n.why(ctx.Err())
	}
	t, err := n.seek(ctx, self)
	if err != nil {
		<-n.leading
		return nil, n.why(err)
	}
	n.works.Go(func() {
		<-t.left
		<-n.leading
	})
	return t, nil
}

// why returns err, or, if the node was closed, an error that says so.
func (n *Node) why(err error) error {
	if n.ctx.Err() != nil {
		return store.ErrClosed
	}
	return err
}

// seek takes part in every election until it wins one.
func (n *Node) seek(ctx context.Context, self cluster.Peer) (*Term, error) {
	for r := (&rounds{ctx: ctx}); r.more(); {
		f := n.follower.Load()
		if _, err := f.await(ctx, func(v *view) bool { return v.leader.created == 0 }); err != nil {
			return nil, err
		}
		t, err := n.stand(ctx, f, self)
		switch {
		case err == nil && t != nil:
			return t, nil
		case errors.Is(err, store.ErrDamaged):
			return nil, err
		case err == nil:
			r.pause = 0
		case ctx.Err() == nil:
			n.refused.Store(&err)
			if r.first() {
				n.log.Warn("this node can't become the active one; it goes on trying", "error", err)
			}
		}
	}
	return nil, ctx.Err()
}

// stand takes part in one election. It returns nil if another node has won.
func (n *Node) stand(ctx context.Context, f *follower, self cluster.Peer) (*Term, error) {
	bounded, cancel := context.WithTimeout(ctx, n.attempt())
	defer cancel()
	l, err := grant(bounded, n.client, n.clock, n.lease)
	if err != nil {
		return nil, fmt.Errorf("etcd grants no lease: %w", err)
	}
	created, err := n.claim(ctx, f, l, self)
	if err != nil || created == 0 {
		l.revoke(n.attempt())
		return nil, err
	}
	n.claimed.Store(true)
	t := n.newTerm(l, created, self)
	if err := t.takeOver(ctx, f); err != nil {
		n.claimed.Store(false)
		t.end(err)
		<-t.left
		return nil, err
	}
	return t, nil
}

// claim creates the leader key, and returns its create revision. If another node was faster, it waits until f has seen
// that node's key, and returns 0.
func (n *Node) claim(ctx context.Context, f *follower, l *lease, self cluster.Peer) (created int64, err error) {
	value, err := json.Marshal(self)
	if err != nil {
		return 0, err
	}
	bounded, cancel := context.WithTimeout(ctx, n.attempt())
	defer cancel()
	answer, err := n.client.Txn(bounded).
		If(clientv3.Compare(clientv3.CreateRevision(n.keys.leader), "=", 0)).
		Then(clientv3.OpPut(n.keys.leader, string(value), clientv3.WithLease(l.id))).
		Commit()
	if err != nil {
		// If the request has created the key, or still does, the end of the lease removes it.
		return 0, fmt.Errorf("the leader key can't be created: %w", err)
	}
	if answer.Succeeded {
		return answer.Header.Revision, nil
	}
	bounded, cancel = context.WithTimeout(ctx, n.lease)
	defer cancel()
	_, err = f.await(bounded, func(v *view) bool { return v.leader.created != 0 || v.revision >= answer.Header.Revision })
	return 0, err
}
