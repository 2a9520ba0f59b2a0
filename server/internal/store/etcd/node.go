package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// ShortestLease is the shortest lease that etcd grants by default.
const ShortestLease = 2 * time.Second

// Options are the options of a node. Client and Prefix are required.
type Options struct {
	store.Options
	// Client belongs to the caller, which closes it after the node.
	Client *clientv3.Client
	// Prefix is the prefix of all keys of the store.
	Prefix string
	// Lease is a multiple of a second, and at least [ShortestLease], which is also the default.
	Lease time.Duration
	// Clock is the machine's by default.
	Clock Clock
	// Renew gives the store a new id when a term begins, for programs that replace all of its records.
	Renew bool
	// Salvage is [cluster.Options.Salvage].
	Salvage bool
	// Step, if set, is called after each step of a large update. Tests use it to end a node between two of them.
	Step func(name string)
	// Progress, if set, is called now and then while a large update is written or the store is read, with the number of
	// records done and the total.
	Progress func(done, total int)
}

func (o Options) withDefaults() Options {
	o.Options = o.Options.WithDefaults()
	o.Lease = max(o.Lease, ShortestLease)
	if o.Clock.Monotonic == nil {
		o.Clock = systemClock()
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	return o
}

// Node is a [cluster.Node] on etcd.
type Node struct {
	Options
	client *clientv3.Client
	keys   layout
	log    *slog.Logger
	lease  time.Duration
	clock  Clock

	// ctx ends with the node.
	ctx  context.Context
	stop context.CancelFunc
	// leading has an element while a term is held or sought.
	leading chan struct{}
	// follower is the current one; during a term its view stays as it was when the term began.
	follower atomic.Pointer[follower]
	term     atomic.Pointer[Term]
	// answered is when etcd last answered.
	answered atomic.Pointer[instant]
	health   atomic.Pointer[health]
	// claimed is set once the node has won an election, and refused is why it failed in the last one.
	claimed atomic.Bool
	refused atomic.Pointer[error]
	// works counts the goroutines that Close waits for.
	works sync.WaitGroup
	close func() error
}

var _ cluster.Node = (*Node)(nil)

// Join makes this process a node of the store in etcd. It does no I/O. The caller must close the node.
func Join(o Options) *Node {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	n := &Node{
		Options: o, client: o.Client, keys: newLayout(o.Prefix), log: o.Logger, lease: o.Lease, clock: o.Clock,
		ctx: ctx, stop: stop, leading: make(chan struct{}, 1),
	}
	n.close = sync.OnceValue(n.leave)
	n.follower.Store(n.follow())
	n.works.Go(n.watchHealth)
	return n
}

// Follow implements [cluster.Node].
func (n *Node) Follow(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.ctx.Err() != nil {
		return store.ErrClosed
	}
	records, err := n.copy()
	if err != nil {
		return err
	}
	return read(records, fn)
}

// copy returns the latest records that this node has.
func (n *Node) copy() (*records, error) {
	if t := n.term.Load(); t != nil {
		return t.records.Load(), nil
	}
	switch v := n.follower.Load().seen.Load(); {
	case v == nil:
		return nil, fmt.Errorf("%w: it has not been loaded yet", store.ErrUnavailable)
	case v.err != nil:
		return nil, v.err
	default:
		return v.records, nil
	}
}

// read runs fn on records.
func read(of *records, fn func(store.Reader) error) error {
	r := &reader{records: of}
	defer r.end()
	return fn(r)
}

// Leader implements [cluster.Node].
func (n *Node) Leader() (cluster.Peer, bool) {
	if t := n.term.Load(); t != nil {
		return t.self, true
	}
	v := n.follower.Load().seen.Load()
	if v == nil || v.leader.created == 0 {
		return cluster.Peer{}, false
	}
	return v.leader.Peer, true
}

// StoreID returns the id of the store, which changes only when the whole store is replaced, or "" if it is not known.
func (n *Node) StoreID() string {
	if t := n.term.Load(); t != nil {
		return t.id
	}
	if v := n.follower.Load().seen.Load(); v != nil {
		return v.id
	}
	return ""
}

// attempt is how long to wait for an answer of etcd before another member is asked.
func (n *Node) attempt() time.Duration { return n.lease / 3 }

// hear records that etcd has answered.
func (n *Node) hear() {
	now := n.clock.now()
	n.answered.Store(&now)
}

// Close implements [cluster.Node].
func (n *Node) Close() error { return n.close() }

func (n *Node) leave() error {
	n.stop()
	if t := n.term.Load(); t != nil {
		_ = t.store.Close()
	}
	n.leading <- struct{}{} // No term is held, and none will be.
	<-n.follower.Load().stopped
	n.works.Wait()
	return nil
}
