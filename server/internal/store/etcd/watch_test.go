package etcd_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// badWatcher breaks the first watches, and counts all of them.
type badWatcher struct {
	clientv3.Watcher
	spoil func(ctx context.Context, to chan<- clientv3.WatchResponse)
	first int64
	n     atomic.Int64
}

// Watch implements [clientv3.Watcher].
func (b *badWatcher) Watch(ctx context.Context, key string, o ...clientv3.OpOption) clientv3.WatchChan {
	if b.n.Add(1) > b.first {
		return b.Watcher.Watch(ctx, key, o...)
	}
	answers := make(chan clientv3.WatchResponse, 1)
	go func() {
		defer close(answers)
		b.spoil(ctx, answers)
	}()
	return answers
}

func TestAStandbyBeginsItsWatchAgain(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	term := lead(t, join(t, dial(t, server.Endpoints()...)), "a")
	for name, spoil := range map[string]func(ctx context.Context, to chan<- clientv3.WatchResponse){
		"that is silent": func(ctx context.Context, _ chan<- clientv3.WatchResponse) { <-ctx.Done() },
		"that ends":      func(context.Context, chan<- clientv3.WatchResponse) {},
		"that is cancelled": func(_ context.Context, to chan<- clientv3.WatchResponse) {
			to <- clientv3.WatchResponse{Canceled: true}
		},
		"that is compacted": func(_ context.Context, to chan<- clientv3.WatchResponse) {
			to <- clientv3.WatchResponse{Canceled: true, CompactRevision: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, server.Endpoints()...)
			bad := &badWatcher{Watcher: client.Watcher, spoil: spoil, first: 2}
			client.Watcher = bad
			standby := join(t, client, leaseOf(2*etcd.ShortestLease)) // It gives a silent watch half of its lease.
			require.Eventually(t, func() bool { return bad.n.Load() > 0 }, time.Minute, time.Millisecond)
			require.NoError(t, put(t, term.Store(), "k", name))
			require.Eventually(t, func() bool {
				return contents(t, standby.Follow)["k"] == name && standby.Status().Current
			}, time.Minute, time.Millisecond)
			thrice := func() bool { return bad.n.Load() == 3 }
			require.Eventually(t, thrice, time.Minute, time.Millisecond, "and no more often")
		})
	}
}
