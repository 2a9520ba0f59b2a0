package etcd

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

// Term is a [cluster.Term] on etcd.
type Term struct {
	node  *Node
	self  cluster.Peer
	lease *lease
	store *Store
	// records is what views see: everything that was committed.
	records atomic.Pointer[records]
	// mark is the mark of the last commit.
	mark atomic.Pointer[mark]
	// id is the id of the store.
	id    string
	chain *chain

	// ctx is canceled when the term ends, with the cause.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// over is set when the term ends, and resigning before it gives up the leader key itself.
	over, resigning atomic.Bool
	// ending is set by the call that ends the term, which then sets err and closes done.
	ending atomic.Bool
	done   chan struct{}
	err    error
	// left is closed once the node has tried to revoke the lease, and follows again.
	left chan struct{}
}

var _ cluster.Term = (*Term)(nil)

// newTerm begins a term with the leader key that was created at a revision.
func (n *Node) newTerm(l *lease, created int64, self cluster.Peer) *Term {
	ctx, cancel := context.WithCancelCause(context.Background())
	t := &Term{
		node: n, self: self, lease: l, ctx: ctx, cancel: cancel,
		done: make(chan struct{}), left: make(chan struct{}),
	}
	t.mark.Store(&mark{})
	t.chain = &chain{
		kv: n.client.KV, keys: n.keys, log: n.log, term: ctx, leader: created, step: n.Step, progress: n.Progress,
		attempt: n.attempt(), patience: n.lease,
		advanced: func(m mark) { t.mark.Store(&m) },
	}
	t.store = &Store{term: t}
	t.store.updates = group.New(t.begin, n.Options.Options, t.beginEnd)
	n.works.Go(func() { t.endIf(l.keep(ctx, n.lease/8, n.hear)) })
	n.works.Go(func() {
		if err := n.watchLeader(ctx, created); !t.resigning.Load() {
			t.endIf(err)
		}
	})
	n.works.Go(t.leave)
	return t
}

// takeOver waits until f has seen everything that earlier terms have written, and finishes what they have left half
// done. Since they can no longer write, that is everything up to the revision that created the leader key.
func (t *Term) takeOver(ctx context.Context, f *follower) error {
	defer context.AfterFunc(ctx, func() { t.end(context.Cause(ctx)) })()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	if _, err := f.await(ctx, func(v *view) bool { return v.revision >= t.chain.leader }); err != nil {
		return errors.Join(err, t.Err())
	}
	s := f.take()
	t.chain.last, t.chain.pending = s.mark, s.pending
	if err := t.beginChain(s); err != nil {
		return err
	}
	t.records.Store(s.records)
	t.id = s.id
	t.node.term.Store(t)
	f.forget()
	if t.over.Load() {
		// The term may have ended before it was the node's term.
		t.node.term.CompareAndSwap(t, nil)
		<-t.done
		return t.err
	}
	return nil
}

// beginChain makes the first commit of the term, which settles what earlier terms have staged.
func (t *Term) beginChain(s *state) error {
	if err := t.chain.settle(); err != nil {
		return err
	}
	ops := []clientv3.Op{t.chain.removeStaged()}
	if s.id == "" || t.node.Renew {
		s.id = newID()
		ops = append(ops, clientv3.OpPut(t.chain.keys.id, s.id))
	}
	return t.chain.advance(ops, newID())
}

// Store implements [cluster.Term].
func (t *Term) Store() store.Store { return t.store }

// Valid implements [cluster.Term].
func (t *Term) Valid() bool { return !t.over.Load() && t.lease.remaining() > 0 }

// Done implements [cluster.Term].
func (t *Term) Done() <-chan struct{} { return t.done }

// Err implements [cluster.Term].
func (t *Term) Err() error {
	select {
	case <-t.done:
		return t.err
	default:
		return nil
	}
}

// end ends the term; only the first call counts. cause is nil if it ended in order.
func (t *Term) end(cause error) {
	t.beginEnd(cause)
	<-t.done
}

// beginEnd is end without waiting for a call that is in progress: the update group calls it while end runs.
func (t *Term) beginEnd(cause error) {
	t.over.Store(true)
	if !t.ending.CompareAndSwap(false, true) {
		return
	}
	if cause != nil {
		t.err = termEnded(cause)
		t.node.log.Log(context.Background(), endLevel(cause), "this node is no longer the active one", "reason", cause)
	} else {
		cause = errResigned
	}
	t.cancel(cause)
	t.store.updates.Fail(termEnded(cause))
	close(t.done)
}

// endLevel is the log level of the end of a term.
func endLevel(cause error) slog.Level {
	if errors.Is(cause, errClosed) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func (t *Term) endIf(err error) {
	if err != nil {
		t.end(err)
	}
}

var errResigned = errors.New("it has resigned")

// leave gives up the lease once the term has ended, so that another node need not wait for it, and follows again.
func (t *Term) leave() {
	defer close(t.left)
	<-t.done
	t.lease.revoke(t.node.lease)
	t.node.follower.Load().take()
	t.node.follower.Store(t.node.follow())
	t.node.term.CompareAndSwap(t, nil)
}
