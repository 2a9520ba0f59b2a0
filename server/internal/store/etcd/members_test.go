package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// writers are nodes that write whenever they are active.
type writers struct {
	*testing.T
	// stopped ends them.
	stopped context.Context
	next    atomic.Int64
	mu      sync.Mutex
	// acknowledged and terms are guarded by mu. terms has the terms in the order in which they began.
	acknowledged []string
	terms        []cluster.Term
}

// run makes a node lead whenever it can, and writes from several goroutines.
func (w *writers) run(n cluster.Node, name string) {
	for w.stopped.Err() == nil {
		term, err := n.Lead(w.stopped, cluster.Peer{Name: name})
		if err != nil {
			continue
		}
		w.mu.Lock()
		w.terms = append(w.terms, term)
		w.mu.Unlock()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() { w.write(term) })
		}
		group.Wait()
		_ = term.Store().Close()
	}
}

// write writes until the term ends.
func (w *writers) write(term cluster.Term) {
	for w.stopped.Err() == nil && term.Err() == nil {
		key := fmt.Sprint(w.next.Add(1))
		err := term.Store().Update(context.Background(), func(to store.Writer) error {
			return errors.Join(to.Put("left/"+key, []byte(key)), to.Put("right/"+key, []byte(key)))
		})
		if err == nil {
			w.mu.Lock()
			w.acknowledged = append(w.acknowledged, key)
			w.mu.Unlock()
		}
	}
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acknowledged)
}

// watch fails the test if an earlier term is valid after a later one was.
func (w *writers) watch() {
	for w.stopped.Err() == nil {
		w.mu.Lock()
		terms := w.terms[max(len(w.terms)-2, 0):]
		w.mu.Unlock()
		if len(terms) == 2 && terms[1].Valid() && terms[0].Valid() {
			w.Error("two nodes are active")
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// TestMembersOfEtcdMayFail kills or stops the three members one after another, including the leader.
func TestMembersOfEtcdMayFail(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{Members: 3, NoSync: true})
	ctx, stop := context.WithCancel(t.Context())
	w := &writers{T: t, stopped: ctx}
	var group sync.WaitGroup
	for i := range 2 {
		n, err := etcd.Engine().Join(t.Context(), cluster.Options{
			Endpoints: server.Endpoints(), Prefix: prefix, Lease: etcd.ShortestLease,
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, n.Close()) }()
		group.Go(func() { w.run(n, fmt.Sprint(i)) })
	}
	group.Go(w.watch)
	goesOn := func(after string) {
		t.Helper()
		before, began := w.count(), time.Now()
		require.Eventually(t, func() bool { return w.count() > before+50 }, time.Minute, time.Millisecond, after)
		t.Log(after, "writes go on after", time.Since(began))
	}
	goesOn("at the beginning")
	for i := range server.Members() {
		m := server.Member(i)
		if i == 1 {
			require.NoError(t, m.Stop())
			goesOn("with a stopped member")
			require.NoError(t, m.Continue())
		} else {
			m.Kill()
			goesOn("with a killed member")
			require.NoError(t, m.Restart())
		}
		goesOn("with all members")
	}
	stop()
	group.Wait()
	requireAcknowledged(t, w.acknowledged, stored(t, dial(t, server.Endpoints()...)))
	t.Log(len(w.acknowledged), "updates in", len(w.terms), "terms")
}
