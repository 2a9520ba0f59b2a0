package etcd

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// present is the state of etcd at one moment. A watch alone does not show that nothing is missing, and etcd sends
// progress notifications for an idle store only with the next write.
type present struct {
	// mark is the revision of the mark, and leader the create revision of the leader key; 0 if there is none.
	mark, leader int64
	// at is etcd's current revision.
	at int64
}

// askPresent asks for the present. It waits for a quarter of a lease; after that another member should be asked.
func askPresent(ctx context.Context, kv clientv3.KV, keys layout, lease time.Duration) (p present, err error) {
	ctx, cancel := context.WithTimeout(ctx, lease/4)
	defer cancel()
	both := clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpGet(keys.mark), clientv3.OpGet(keys.leader)}, nil)
	done, err := kv.Do(ctx, both)
	if err != nil {
		return p, err
	}
	answer := done.Txn()
	p.at = answer.Header.Revision
	if kvs := answer.Responses[0].GetResponseRange().GetKvs(); len(kvs) > 0 {
		p.mark = kvs[0].ModRevision
	}
	if kvs := answer.Responses[1].GetResponseRange().GetKvs(); len(kvs) > 0 {
		p.leader = kvs[0].CreateRevision
	}
	return p, nil
}

// poll asks for the present until ctx ends.
func (f *follower) poll(ctx context.Context, answers chan<- present) {
	ticks := time.NewTicker(f.lease / 4)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		p, err := askPresent(ctx, f.client.KV, f.keys, f.lease)
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
		case answers <- p:
		}
	}
}

// compare returns since when the copy has been behind p; zero if it is current.
func (f *follower) compare(p present, missed time.Time) time.Time {
	f.latest.Store(p.mark)
	if p.mark <= f.state.mark.revision && p.leader == f.state.leader.created {
		return time.Time{}
	}
	if missed.IsZero() {
		return time.Now()
	}
	return missed
}

// watchLeader waits until the leader key that was created at a revision is gone and returns why, or nil if ctx ends
// first. Besides watching it reads the key once per lease, in case the watch is dead rather than quiet.
func (n *Node) watchLeader(ctx context.Context, created int64) error {
	for r := (&rounds{ctx: ctx}); r.more(); {
		p, err := askPresent(ctx, n.client.KV, n.keys, n.lease)
		switch {
		case err != nil:
			continue
		case p.leader != created:
			return errDeposed
		}
		began := time.Now()
		if n.leaderChanges(ctx, p.at+1) {
			return errDeposed
		}
		if time.Since(began) > longestPause {
			r.pause = 0
		}
	}
	return nil
}

// leaderChanges watches the leader key from a revision on, for at most a lease.
func (n *Node) leaderChanges(ctx context.Context, from int64) bool {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), n.lease)
	defer cancel()
	for answer := range n.client.Watch(ctx, n.keys.leader, clientv3.WithRev(from)) {
		if len(answer.Events) > 0 {
			return true
		}
	}
	return false
}
