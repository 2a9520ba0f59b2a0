package etcd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// It is not parallel, so other tests start no goroutines meanwhile.
func TestAClosedNodeLeavesNoGoroutine(t *testing.T) {
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	before := goleak.IgnoreCurrent()
	client, err := clientv3.New(clientv3.Config{Endpoints: server.Endpoints(), Logger: zap.NewNop()})
	require.NoError(t, err)
	a := etcd.Join(etcd.Options{Client: client, Prefix: prefix, Lease: patientLease})
	b := etcd.Join(etcd.Options{Client: client, Prefix: prefix, Lease: patientLease})
	for range 2 {
		term := lead(t, a, "a")
		require.NoError(t, put(t, term.Store(), "k", "v"))
		require.NoError(t, term.Resign(t.Context(), nil))
		term = lead(t, b, "b")
		require.NoError(t, put(t, term.Store(), "k", "v"))
		require.NoError(t, term.Store().Close())
	}
	lead(t, a, "a")
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	require.NoError(t, client.Close())
	for range 60 { // Goroutines of gRPC end a little later. Each look takes half a second if there are any.
		if goleak.Find(before) == nil {
			return
		}
	}
	goleak.VerifyNone(t, before)
}
