package etcd_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

func openAlone(t *testing.T, client *clientv3.Client, change ...func(*etcd.Options)) (cluster.Alone, error) {
	t.Helper()
	o := etcd.Options{Client: client, Prefix: prefix, Lease: patientLease}
	for _, f := range change {
		f(&o)
	}
	s, err := etcd.Open(t.Context(), o, cluster.Peer{Name: "a tool"})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// replaceBy is rewrite by [cluster.Alone.Replace], which gives the store a new id.
func replaceBy(t testing.TB, s cluster.Alone, to map[string]string) error {
	return s.Replace(t.Context(), func(w store.Writer) error {
		for key := range contents(t, s.View) {
			if err := w.Delete(key); err != nil {
				return err
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

func id(t *testing.T, client *clientv3.Client) string {
	t.Helper()
	got, err := client.Get(t.Context(), prefix+"id")
	require.NoError(t, err)
	require.Len(t, got.Kvs, 1)
	return string(got.Kvs[0].Value)
}

func TestAReplacedStoreIsAnotherOneForThoseThatFollow(t *testing.T) {
	t.Parallel()
	client := member(t)
	before, after := beforeAndAfter()
	s, err := openAlone(t, client)
	require.NoError(t, err)
	require.NoError(t, rewrite(t, s, before))
	standby := join(t, client)
	first := id(t, client)
	var done, total int
	other, err := openAlone(t, client, leaseOf(2*etcd.ShortestLease))
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, "a tool")
	require.Nil(t, other)
	require.NoError(t, s.Close())

	s, err = openAlone(t, client, func(o *etcd.Options) {
		o.Progress = func(d, of int) { done, total = d, of }
	})
	require.NoError(t, err)
	require.NoError(t, replaceBy(t, s, after))
	require.Equal(t, len(before), total, "all but one are put, and that is deleted")
	require.Equal(t, total, done)
	require.NotEqual(t, first, id(t, client))
	second := id(t, client)
	require.NoError(t, replaceBy(t, s, map[string]string{"small": "v"}))
	require.NotEqual(t, second, id(t, client), "also if it fits into one transaction")
	third := id(t, client)
	require.NoError(t, put(t, s, "k", "v"))
	require.Equal(t, third, id(t, client))
	require.Eventually(t, func() bool {
		var got map[string]string
		_ = standby.Follow(t.Context(), func(r store.Reader) error {
			got = contents(t, func(_ context.Context, fn func(store.Reader) error) error { return fn(r) })
			return nil
		})
		return len(got) == 2 && got["k"] == "v"
	}, time.Minute, 10*time.Millisecond)
}

func TestASnapshotIsReadWhileANodeIsActive(t *testing.T) {
	t.Parallel()
	client := member(t)
	read := func() *etcd.Snapshot {
		s, err := etcd.Read(t.Context(), etcd.Options{Client: client, Prefix: prefix})
		require.NoError(t, err)
		return s
	}
	empty := read()
	require.Zero(t, empty.Len())
	_, found := empty.Leader()
	require.False(t, found)
	require.NotEmpty(t, empty.Versions())

	before, after := beforeAndAfter()
	k := &killer{}
	term := lead(t, join(t, client, func(o *etcd.Options) { o.Step = k.step }), "a")
	require.NoError(t, rewrite(t, term.Store(), before))
	s := read()
	require.Equal(t, before, contents(t, s.View))
	require.Equal(t, len(before), s.Len())
	leader, found := s.Leader()
	require.True(t, found)
	require.Equal(t, "a", leader.Name)

	k.steps, k.n = nil, 3
	require.ErrorIs(t, rewrite(t, term.Store(), after), store.ErrReadOnly)
	require.Equal(t, "committed", k.steps[2])
	require.Equal(t, after, contents(t, read().View), "it is not yet in its place")
}

// Finishing what a dead restore has left takes longer than a lease.
func TestAStoreIsOpenedHoweverMuchIsLeftToFinish(t *testing.T) {
	t.Parallel()
	client := member(t)
	before, after := beforeAndAfter()
	k := &killer{}
	first, err := openAlone(t, client, func(o *etcd.Options) { o.Step = k.step })
	require.NoError(t, err)
	require.NoError(t, rewrite(t, first, before))
	k.steps, k.n = nil, 3
	require.ErrorIs(t, rewrite(t, first, after), store.ErrReadOnly)
	require.NoError(t, first.Close())

	const lease = 2 * etcd.ShortestLease
	begun := time.Now()
	s, err := openAlone(t, client, leaseOf(lease), func(o *etcd.Options) {
		o.Step = func(string) { time.Sleep(lease / 2) }
	})
	require.NoError(t, err)
	require.Greater(t, time.Since(begun), lease)
	require.Equal(t, after, contents(t, s.View))
}
