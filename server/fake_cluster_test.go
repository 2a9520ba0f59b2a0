package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// fakeCluster has the store and the leader key of nodes that are all in one process.
type fakeCluster struct {
	store store.Store
	// beforeCommit is called before each commit of a term; an error means that the commit certainly did not happen.
	beforeCommit atomic.Pointer[func() error]
	// inView is called in each View of a term, after its function.
	inView atomic.Pointer[func()]
	// noTerms is set while no node can become the leader.
	noTerms atomic.Bool
	// full is set while the store has an alarm.
	full atomic.Bool

	mu       sync.Mutex
	leader   *fakeTerm
	revision int64
	// changed is closed when leader changes.
	changed chan struct{}
}

func newFakeCluster(t testing.TB) *fakeCluster {
	opened, err := bolt.Open(filepath.Join(t.TempDir(), "kms.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	return &fakeCluster{store: opened, changed: make(chan struct{})}
}

// setLeader must be called with mu held.
func (c *fakeCluster) setLeader(t *fakeTerm) {
	c.leader = t
	close(c.changed)
	c.changed = make(chan struct{})
}

// fakeNode is a node of a fakeCluster.
type fakeNode struct {
	cluster *fakeCluster
	// away is set while the node can't reach the store.
	away atomic.Bool
	// won is called when the node has become the leader.
	won atomic.Pointer[func()]
}

func (n *fakeNode) Lead(ctx context.Context, self cluster.Peer) (cluster.Term, error) {
	c := n.cluster
	for {
		c.mu.Lock()
		changed := c.changed
		if c.leader == nil && !c.noTerms.Load() && !n.away.Load() && ctx.Err() == nil {
			term := &fakeTerm{node: n, self: self, done: make(chan struct{})}
			c.setLeader(term)
			c.mu.Unlock()
			if won := n.won.Load(); won != nil {
				(*won)()
			}
			return term, nil
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (n *fakeNode) Leader() (cluster.Peer, bool) {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	if n.cluster.leader == nil {
		return cluster.Peer{}, false
	}
	return n.cluster.leader.self, true
}

func (n *fakeNode) Follow(ctx context.Context, fn func(store.Reader) error) error {
	if n.away.Load() {
		return fmt.Errorf("the copy is old: %w", store.ErrUnavailable)
	}
	return n.cluster.store.View(ctx, fn)
}

func (n *fakeNode) Status() cluster.Status {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	s := cluster.Status{
		Connected: !n.away.Load(), Current: !n.away.Load(), Mark: fmt.Sprint("mark ", n.cluster.revision),
		Revision: n.cluster.revision, Bytes: 4711,
	}
	if l := n.cluster.leader; l != nil && l.node == n {
		s.Lease = 5 * time.Second
	}
	if n.cluster.full.Load() {
		s.Alarm = "NOSPACE"
	}
	return s
}

// Close ends the node's term without its last writes, like the end of its process.
func (n *fakeNode) Close() error {
	n.cluster.mu.Lock()
	term := n.cluster.leader
	n.cluster.mu.Unlock()
	if term != nil && term.node == n {
		term.end(errors.New("the node was closed"))
	}
	return nil
}

// fakeTerm is a term of a fakeNode, and the store of that term.
type fakeTerm struct {
	node  *fakeNode
	self  cluster.Peer
	ended atomic.Bool
	err   error
	done  chan struct{}
}

func (t *fakeTerm) Store() store.Store    { return t }
func (t *fakeTerm) Valid() bool           { return !t.ended.Load() }
func (t *fakeTerm) Done() <-chan struct{} { return t.done }

func (t *fakeTerm) Err() error {
	select {
	case <-t.done:
		return t.err
	default:
		return nil
	}
}

func (t *fakeTerm) end(why error) {
	c := t.node.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.ended.Swap(true) {
		return
	}
	t.err = why
	close(t.done)
	if c.leader == t {
		c.setLeader(nil)
	}
}

// Resign takes as long as the disk does.
func (t *fakeTerm) Resign(ctx context.Context, last func(store.Writer) error) error {
	err := t.Update(context.WithoutCancel(ctx), last)
	t.end(err)
	return err
}

func (t *fakeTerm) View(ctx context.Context, fn func(store.Reader) error) error {
	err := t.node.cluster.store.View(ctx, fn)
	if inView := t.node.cluster.inView.Load(); inView != nil {
		(*inView)()
	}
	return err
}

func (t *fakeTerm) Update(ctx context.Context, fn func(store.Writer) error) error {
	return t.node.cluster.store.Update(ctx, func(w store.Writer) error {
		if t.ended.Load() {
			return fmt.Errorf("%w: %w", cluster.ErrTermEnded, store.ErrReadOnly)
		}
		if err := fn(w); err != nil {
			return err
		}
		if before := t.node.cluster.beforeCommit.Load(); before != nil {
			if err := (*before)(); err != nil {
				return err
			}
		}
		t.node.cluster.mu.Lock()
		defer t.node.cluster.mu.Unlock()
		t.node.cluster.revision++
		return nil
	})
}

func (t *fakeTerm) Backup(ctx context.Context, w io.Writer) error {
	return t.node.cluster.store.Backup(ctx, w)
}

func (t *fakeTerm) Close() error {
	t.end(errors.New("the store was closed"))
	return nil
}

// term returns the current term, or nil.
func (tr *trial) term() *fakeTerm {
	tr.cluster.mu.Lock()
	defer tr.cluster.mu.Unlock()
	return tr.cluster.leader
}
