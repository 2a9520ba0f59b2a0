package etcdtest

import (
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Put writes a key behind the back of whatever uses the cluster, as an operator might by hand.
func (c *Cluster) Put(t testing.TB, key, value string) {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), Logger: zap.NewNop()})
	require.NoError(t, err)
	_, err = client.Put(t.Context(), key, value)
	require.NoError(t, err)
	require.NoError(t, client.Close())
}
