package etcd

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// slowestPage is how long a page of the store may take.
const slowestPage = 10 * time.Second

// follower keeps a copy of the store: it loads all of it at one revision, and watches the changes from there. After a
// gap it starts over.
type follower struct {
	client *clientv3.Client
	keys   layout
	log    *slog.Logger
	lease  time.Duration
	// heard is called whenever etcd has shown that the copy is current.
	heard func()

	// stop ends the goroutine of run, which closes stopped.
	stop    context.CancelFunc
	stopped chan struct{}
	// state belongs to that goroutine, and after its end to whichever has waited for that.
	state *state

	// seen is what others see; nil until the store is loaded.
	seen atomic.Pointer[view]
	mu   sync.Mutex
	// changed is closed, and replaced, when seen changes. mu guards it.
	changed chan struct{}
}

// view is a state that does not change.
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
		client: n.client, keys: n.keys, log: n.log, lease: n.lease, heard: n.hear,
		stop: stop, stopped: make(chan struct{}), changed: make(chan struct{}),
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

func (f *follower) run(ctx context.Context) {
	defer close(f.stopped)
	for p := (&rounds{ctx: ctx}); p.more(); {
		err := f.loadAndWatch(ctx, p)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, rpctypes.ErrCompacted):
			f.log.Info("etcd has compacted what was to be read; the store is loaded again")
		case err != nil:
			f.log.Warn("the store can't be followed", "error", err)
		}
	}
}

func (f *follower) loadAndWatch(ctx context.Context, p *rounds) error {
	s, err := f.load(ctx)
	if s == nil {
		return err
	}
	f.heard()
	f.state = s
	f.publish(err)
	p.pause = 0
	for err == nil {
		err = f.watch(ctx)
	}
	return err
}

// errWatchEnded reports that a watch must be started again.
var errWatchEnded = errors.New("etcd has ended the watch")

// watch takes in changes until the watch ends or is silent for too long. It returns nil if it can go on from there. It
// begins with the changes of the state's own revision, which have no effect the second time: of a watch that begins
// after all revisions that there are, etcd reports no progress, so that it would be silent as long as nothing changes.
func (f *follower) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	// From a revision that is yet to come, etcd would not answer the requests for progress.
	changes := f.client.Watch(ctx, f.keys.prefix, clientv3.WithRange(f.keys.end()), clientv3.WithRev(f.state.revision))
	ticks := time.NewTicker(f.lease / 4)
	defer ticks.Stop()
	for silent := 0; silent < 6; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case answer, ok := <-changes:
			if !ok {
				return f.pauseAfter(ctx, errWatchEnded)
			}
			silent = 0
			if err := f.takeIn(ctx, answer); err != nil {
				return err
			}
		case <-ticks.C:
			silent++
			go func() { _ = f.client.RequestProgress(ctx) }()
		}
	}
	f.log.Warn("etcd does not answer the watch; it is started again")
	return nil
}

// pauseAfter waits before the watch is started again, so that an etcd that refuses it is not asked without a pause.
func (f *follower) pauseAfter(ctx context.Context, err error) error {
	f.log.Info("the watch is started again", "reason", err)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(shortestPause):
		return nil
	}
}

// takeIn takes in an answer of the watch, which has all changes of each of its revisions.
func (f *follower) takeIn(ctx context.Context, answer clientv3.WatchResponse) error {
	switch err := answer.Err(); {
	case answer.CompactRevision != 0:
		return rpctypes.ErrCompacted
	case err != nil:
		return f.pauseAfter(ctx, err)
	}
	f.heard()
	if answer.IsProgressNotify() {
		return nil
	}
	err := f.state.follow(answer.Events)
	f.publish(err)
	return err
}

// follow takes in changes, except those that it has seen. A mark is obeyed after the other changes of its revision.
func (s *state) follow(events []*clientv3.Event) error {
	for len(events) > 0 && events[0].Kv.ModRevision <= s.revision {
		events = events[1:]
	}
	marked := false
	for i, e := range events {
		if e.Type == mvccpb.DELETE {
			s.remove(string(e.Kv.Key))
		} else {
			s.put(e.Kv)
		}
		s.revision = e.Kv.ModRevision
		marked = marked || string(e.Kv.Key) == s.keys.mark
		if marked && (i+1 == len(events) || events[i+1].Kv.ModRevision != s.revision) {
			marked = false
			if err := s.obey(); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish shows the state to others.
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

// await waits until a view satisfies ok. The error is that of ctx, or the view's.
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
