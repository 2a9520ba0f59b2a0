package etcdtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
)

func dial(t *testing.T, endpoints ...string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, Logger: zap.NewNop(), DialTimeout: 5 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func put(t *testing.T, client *clientv3.Client, value string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := client.Put(t.Context(), "key", value)
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
}

func requireValue(t *testing.T, client *clientv3.Client, want string) {
	t.Helper()
	got, err := client.Get(t.Context(), "key")
	require.NoError(t, err)
	require.Len(t, got.Kvs, 1)
	require.Equal(t, want, string(got.Kvs[0].Value))
}

func TestAKilledMemberComesBackWithItsDataAndPort(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client := dial(t, cluster.Endpoints()...)
	put(t, client, "before")
	cluster.Member(0).Kill()
	require.NoError(t, cluster.Member(0).Restart())
	requireValue(t, client, "before")
}
