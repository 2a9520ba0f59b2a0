package etcd_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// beforeAndAfter returns the records before and after a large update.
func beforeAndAfter() (before, after map[string]string) {
	before, after = map[string]string{"kept": "v", "deleted": "v"}, map[string]string{"kept": "v"}
	for i := range 300 {
		before[fmt.Sprintf("k/%04d", i)] = "old"
		after[fmt.Sprintf("k/%04d", i)] = strings.Repeat("new ", 1500)
	}
	return before, after
}

// rewrite puts the records in to, and deletes all others.
func rewrite(t testing.TB, s store.Store, to map[string]string) error {
	return s.Update(t.Context(), func(w store.Writer) error {
		for key := range contents(t, s.View) {
			if _, ok := to[key]; !ok {
				if err := w.Delete(key); err != nil {
					return err
				}
			}
		}
		for key, value := range to {
			if err := w.Put(key, []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
}

// killer is a Step that simulates the death of the process at the n-th step, counted from 1.
type killer struct {
	n     int
	steps []string
}

func (k *killer) step(name string) {
	if k.steps = append(k.steps, name); len(k.steps) == k.n {
		panic("killed after: " + name)
	}
}

// awaitContents waits until a standby has followed that far.
func awaitContents(t *testing.T, standby *etcd.Node, want map[string]string) {
	t.Helper()
	require.Eventually(t, func() bool {
		got := map[string]string{}
		err := standby.Follow(t.Context(), func(r store.Reader) error {
			return r.Scan("", "", func(key string, value []byte) (bool, error) {
				got[key] = string(value)
				return true, nil
			})
		})
		return err == nil && maps.Equal(got, want)
	}, time.Minute, time.Millisecond)
}

func requireNothingStaged(t *testing.T, client *clientv3.Client) {
	t.Helper()
	staged, err := client.Get(t.Context(), prefix+"staged/", clientv3.WithPrefix())
	require.NoError(t, err)
	require.Empty(t, staged.Kvs)
}

func TestALargeUpdateIsWholeWhereverItIsKilled(t *testing.T) {
	t.Parallel()
	client := member(t)
	standby := join(t, client)
	before, after := beforeAndAfter()
	for n, killed := 1, true; killed; n++ {
		k := &killer{}
		node := join(t, client, func(o *etcd.Options) { o.Step = k.step })
		term := lead(t, node, "a")
		require.NoError(t, rewrite(t, term.Store(), before))
		awaitContents(t, standby, before)
		k.steps, k.n = nil, n
		err := rewrite(t, term.Store(), after)
		killed = err != nil
		want := after
		if killed {
			require.ErrorIs(t, err, store.ErrReadOnly)
			if k.steps[n-1] == "part staged" {
				want = before
			}
		}
		require.NoError(t, node.Close())
		t.Run(fmt.Sprint(n, " ", k.steps[len(k.steps)-1]), func(t *testing.T) {
			require.Subset(t, []map[string]string{before, after}, []any{contents(t, standby.Follow)})
			term := lead(t, standby, "b")
			require.Equal(t, want, contents(t, term.Store().View))
			require.NoError(t, term.Store().Close())
			requireNothingStaged(t, client)
			require.Equal(t, want, stored(t, client))
		})
	}
}

// The next term may be killed while it finishes what it has found.
func TestATakeoverIsWholeWhereverItIsKilled(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client := dial(t, cluster.Endpoints()...)
	before, after := beforeAndAfter()
	k := &killer{}
	node := join(t, client, func(o *etcd.Options) { o.Step = k.step })
	first := lead(t, node, "a")
	require.NoError(t, rewrite(t, first.Store(), before))
	k.steps, k.n = nil, 4
	require.ErrorIs(t, rewrite(t, first.Store(), after), store.ErrReadOnly)
	require.Equal(t, "part applied", k.steps[3])
	require.NoError(t, node.Close())
	for range 3 {
		leadCutOff(t, cluster.Endpoints())
	}
	require.Equal(t, after, stored(t, client))
	requireNothingStaged(t, client)
}

// leadCutOff begins a term that can't reach etcd after it has applied one part.
func leadCutOff(t *testing.T, endpoints []string) {
	client, network := faulty(t, endpoints...)
	ctx, cancel := context.WithCancel(t.Context())
	node := join(t, client, func(o *etcd.Options) {
		o.Step = func(string) {
			network.set(func(int) fate { return requestLost })
			cancel()
		}
	})
	_, err := node.Lead(ctx, cluster.Peer{Name: "b"})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, node.Close())
}

func TestALargeUpdateSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	client, network := faulty(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}).Endpoints()...)
	term := lead(t, join(t, client), "a")
	_, after := beforeAndAfter()
	network.set(func(n int) fate {
		return []fate{answerLost, arrives, requestLost, arrives, late, arrives, arrives}[n%7]
	})
	require.NoError(t, rewrite(t, term.Store(), after))
	network.set(nil)
	network.deliver()
	require.NoError(t, term.Store().Close())
	requireNothingStaged(t, client)
	require.Equal(t, after, stored(t, client))
}

func TestALargeUpdateThatIsRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	client, network := faulty(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}).Endpoints()...)
	term := lead(t, join(t, client), "a")
	_, after := beforeAndAfter()
	network.set(the(arrives, refused, requestLost, refused))
	require.ErrorIs(t, rewrite(t, term.Store(), after), store.ErrUnavailable)
	require.NoError(t, put(t, term.Store(), "k", "v"))
	requireNothingStaged(t, client)
	require.Equal(t, map[string]string{"k": "v"}, contents(t, term.Store().View))
}
