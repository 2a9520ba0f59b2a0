package etcd

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// slowestPage is how long reading a page of the store may take, if a lease is shorter.
const slowestPage = 10 * time.Second

// follower keeps a copy of the store: it loads the whole store at one revision, and watches for changes from there.
// After a gap it starts over.
type follower struct {
	client *clientv3.Client
	keys   layout
	log    *slog.Logger
	lease  time.Duration
	// salvage is [Options.Salvage].
	salvage bool
	// heard is called whenever etcd has shown that the copy is current.
	heard func()
	// progress is called while the store is loaded.
	progress func(done, total int)

	// stop ends the goroutine of run, which closes stopped.
	stop    context.CancelFunc
	stopped chan struct{}
	// state belongs to that goroutine, and then to the goroutine that has waited for its end.
	state *state

	// seen is the published copy; nil until the store is loaded. latest is the revision of the latest mark in etcd.
	seen   atomic.Pointer[view]
	latest atomic.Int64
	mu     sync.Mutex
	// changed is closed, and replaced, when seen changes. mu guards it.
	changed chan struct{}
}

// view is an immutable copy of a state.
type view struct {
	records  *records
	mark     mark
	revision int64
	id       string
	leader   leader
	// err wraps [store.ErrDamaged] if the store can't be used.
	err error
}

// follow starts a follower.
func (n *Node) follow() *follower {
	ctx, stop := context.WithCancel(n.ctx)
	f := &follower{
		client: n.client, keys: n.keys, log: n.log, lease: n.lease, salvage: n.Salvage, heard: n.hear,
		progress: func(int, int) {}, stop: stop, stopped: make(chan struct{}), changed: make(chan struct{}),
	}
	go f.run(ctx)
	return f
}

// take ends the follower and returns its state.
func (f *follower) take() *state {
	f.stop()
	<-f.stopped
	return f.state
}

// forget frees the state after take.
func (f *follower) forget() {
	f.state = nil
	f.seen.Store(nil)
}

func (f *follower) run(ctx context.Context) {
	defer close(f.stopped)
	for r := (&rounds{ctx: ctx}); r.more(); {
		err := f.loadAndWatch(ctx, r)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, rpctypes.ErrCompacted):
			f.log.Info("etcd has compacted what was to be read; the store is loaded again")
		case errors.Is(err, errReplaced):
			f.log.Warn("the store has another id: it was replaced, such as by a restore, and is loaded again")
		case err != nil && r.first():
			f.log.Warn("the store can't be followed; it is tried again until it can", "error", err)
		}
	}
}

func (f *follower) loadAndWatch(ctx context.Context, r *rounds) error {
	s, err := f.load(ctx)
	if s == nil {
		return err
	}
	f.heard()
	f.state = s
	f.warn(0, leader{})
	f.publish(err)
	if err == nil {
		f.log.Info("the store is loaded", "records", s.records.Len(), "revision", s.revision)
		r.pause = 0
	}
	for err == nil && r.more() {
		err = f.watch(ctx, r)
	}
	return err
}

// watch applies changes until the watch ends, or has been behind etcd for too long. It returns nil if another watch can
// continue from there.
func (f *follower) watch(ctx context.Context, r *rounds) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	// etcd delays the first changes of a watch that begins in the past.
	changes := f.client.Watch(ctx, f.keys.prefix, clientv3.WithRange(f.keys.end()), clientv3.WithRev(f.state.revision+1))
	present := make(chan present)
	go f.poll(ctx, present)
	missed := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case answer, ok := <-changes:
			if !ok {
				return nil
			}
			if again, err := f.takeIn(answer, r); again || err != nil {
				return err
			}
			missed = time.Time{} // It may be behind, but it makes progress.
		case p := <-present:
			f.heard()
			if missed = f.compare(p, missed); !missed.IsZero() && time.Since(missed) > f.lease/2 {
				f.log.Warn("the watch does not show what etcd has; it is started again")
				return nil
			}
		}
	}
}

// takeIn applies an answer of the watch, which has all changes of each of its revisions. It reports whether another
// watch must be started.
func (f *follower) takeIn(answer clientv3.WatchResponse, r *rounds) (again bool, err error) {
	switch err := answer.Err(); {
	case answer.CompactRevision != 0:
		return false, rpctypes.ErrCompacted
	case err != nil:
		if r.first() {
			f.log.Info("the watch is started again", "reason", err)
		}
		return true, nil
	}
	r.pause = 0
	was, foreign, held := f.state.id, f.state.foreign, f.state.leader
	err = f.state.follow(answer.Events)
	f.warn(foreign, held)
	if err == nil && was != "" && f.state.id != was {
		return false, errReplaced
	}
	f.publish(err)
	return false, err
}

// warn logs what something other than a node has written to the store since the state's foreign revision and leader
// were foreign and held.
func (f *follower) warn(foreign int64, held leader) {
	if s := f.state; s.foreign != foreign {
		f.log.Error("something other than a node has changed records in etcd: the active node does not know of that, and the next one will",
			"revision", s.foreign)
	}
	if s := f.state; s.leader != held && s.leader.created != 0 && s.leader.Peer == (cluster.Peer{}) {
		f.log.Error("the leader key in etcd has a value that is no node's: no node can be the active one until it is removed")
	}
}

// errReplaced reports that the store has a new id.
var errReplaced = errors.New("the store was replaced by another one")

// follow applies changes. A mark is applied after the other changes of its revision.
func (s *state) follow(events []*clientv3.Event) error {
	marked, changed := false, false
	for i, e := range events {
		if e.Type == mvccpb.DELETE {
			s.remove(string(e.Kv.Key))
		} else {
			s.put(e.Kv)
		}
		s.revision = e.Kv.ModRevision
		marked = marked || string(e.Kv.Key) == s.keys.mark
		changed = changed || strings.HasPrefix(string(e.Kv.Key), s.keys.data)
		if i+1 < len(events) && events[i+1].Kv.ModRevision == s.revision {
			continue
		}
		if err := s.endRevision(marked, changed); err != nil {
			return err
		}
		marked, changed = false, false
	}
	return nil
}

// endRevision is called after the changes of a revision. A node changes records together with the mark, or writes the
// records of an update that is already committed.
func (s *state) endRevision(marked, changed bool) error {
	if changed && !marked && s.pending == nil {
		s.foreign = s.revision
	}
	if !marked {
		return nil
	}
	return s.obey()
}

// publish makes the state visible to readers.
func (f *follower) publish(err error) {
	s := f.state
	f.seen.Store(&view{
		records: s.records.snapshot(), mark: s.mark, revision: s.revision, id: s.id, leader: s.leader, err: err,
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// await waits until a view satisfies ok. The error is from ctx or from the view.
func (f *follower) await(ctx context.Context, ok func(*view) bool) (*view, error) {
	for {
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		v := f.seen.Load()
		switch {
		case v != nil && v.err != nil:
			return nil, v.err
		case v != nil && ok(v):
			return v, nil
		}
		select {
		case <-changed:
		case <-f.stopped:
			return nil, store.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
