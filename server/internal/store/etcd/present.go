package etcd

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// present is what etcd has at a moment. A watch alone does not say that nothing is missing, and a progress notification
// of a store to which nobody writes comes only with the next write.
type present struct {
	// mark is the revision of the mark, and leader that of the creation of the leader key; 0 if there is none.
	mark, leader int64
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
		p, err := f.present(ctx)
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
		case answers <- p:
		}
	}
}

func (f *follower) present(ctx context.Context) (p present, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.lease/4)
	defer cancel()
	answer, err := f.client.Txn(ctx).Then(clientv3.OpGet(f.keys.mark), clientv3.OpGet(f.keys.leader)).Commit()
	if err != nil {
		return p, err
	}
	if kvs := answer.Responses[0].GetResponseRange().GetKvs(); len(kvs) > 0 {
		p.mark = kvs[0].ModRevision
	}
	if kvs := answer.Responses[1].GetResponseRange().GetKvs(); len(kvs) > 0 {
		p.leader = kvs[0].CreateRevision
	}
	return p, nil
}

// compare returns since when the copy has missed what etcd has; zero if it is current.
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
