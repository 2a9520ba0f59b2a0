package etcd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

func TestAnEngineJoinsAndOpens(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	o := cluster.Options{Endpoints: etcd.Endpoints(), Prefix: "kms/", Lease: longLease}
	node, err := Engine().Join(t.Context(), o)
	require.NoError(t, err)
	term, err := node.Lead(t.Context(), cluster.Peer{Name: "one"})
	require.NoError(t, err)
	require.NoError(t, term.Store().Update(t.Context(), func(w store.Writer) error {
		return w.Put("key", []byte("value"))
	}))
	impatient := o
	impatient.Lease = 2 * shortLease
	_, err = Engine().Open(t.Context(), impatient, cluster.Peer{Name: "tool"})
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, term.Resign(t.Context(), func(store.Writer) error { return nil }))
	require.NoError(t, node.Close())

	opened, err := Engine().Open(t.Context(), o, cluster.Peer{Name: "tool"})
	require.NoError(t, err)
	require.NoError(t, opened.View(t.Context(), func(r store.Reader) error {
		value, err := r.Get("key")
		require.Equal(t, "value", string(value))
		return err
	}))
	require.NoError(t, opened.Close())
}

// A node that starts before its etcd becomes active once etcd runs.
func TestANodeWaitsForItsEtcd(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	links, endpoints := etcd.Through(t)
	links[0].Set(link.Fault{Cut: true})
	o := cluster.Options{Endpoints: endpoints, Prefix: "kms/", Lease: shortLease}
	node, err := Engine().Join(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = node.Close() })
	_, err = node.Lead(t.Context(), cluster.Peer{Name: "one"})
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = Engine().Open(t.Context(), o, cluster.Peer{Name: "tool"})
	require.ErrorIs(t, err, store.ErrUnavailable)

	links[0].Set(link.Fault{})
	require.Eventually(t, func() bool { // Each attempt first asks etcd for its version, for up to a lease.
		_, err = node.Lead(t.Context(), cluster.Peer{Name: "one"})
		return err == nil
	}, time.Minute, time.Millisecond)
}
