package etcdtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
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
	}, time.Minute, 10*time.Millisecond)
}

// requireValue waits until the client is connected: after a member's end, gRPC tries again less and less often.
func requireValue(t *testing.T, client *clientv3.Client, want string) {
	t.Helper()
	var got *clientv3.GetResponse
	require.Eventually(t, func() (answered bool) {
		var err error
		got, err = client.Get(t.Context(), "key")
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	require.Len(t, got.Kvs, 1)
	require.Equal(t, want, string(got.Kvs[0].Value))
}

func TestAKilledMemberComesBackWithItsDataAndPort(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client := dial(t, cluster.Endpoints()...)
	put(t, client, "before")
	cluster.Member(0).Kill()
	require.NoError(t, cluster.Member(0).Restart())
	requireValue(t, client, "before")
}

// eventually waits for what takes etcd a while, such as an election.
func eventually(t *testing.T, do func(context.Context) error) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		assert.NoError(c, do(ctx))
	}, time.Minute, 10*time.Millisecond)
}

// writeTo returns a function that writes through one member.
func writeTo(client *clientv3.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := client.Put(ctx, "key", "value")
		return err
	}
}

func requireSilence(t *testing.T, client *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.Error(t, writeTo(client)(ctx))
}

func TestAClusterOutlivesAnyOneOfItsMembers(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{Members: 3, NoSync: true, Links: true})
	var clients []*clientv3.Client
	for _, endpoint := range cluster.Endpoints() {
		clients = append(clients, dial(t, endpoint))
	}
	eventually(t, writeTo(clients[0]))

	cluster.Member(1).Kill()
	eventually(t, writeTo(clients[0]))
	require.NoError(t, cluster.Member(1).Restart())
	eventually(t, writeTo(clients[1]))

	require.NoError(t, cluster.Member(2).Stop())
	requireSilence(t, clients[2])
	eventually(t, writeTo(clients[0]))
	require.NoError(t, cluster.Member(2).Continue())
	eventually(t, writeTo(clients[2]))

	for name, fault := range map[string]link.Fault{
		"cut": {Cut: true}, "held": {HoldRequests: true, HoldAnswers: true},
	} {
		cluster.Part(0, fault)
		eventually(t, writeTo(clients[1]))
		requireSilence(t, clients[0])
		cluster.Part(0, link.Fault{})
		eventually(t, writeTo(clients[0]))
		t.Log("parted: " + name)
	}
	cluster.Member(0).Shutdown()
	eventually(t, writeTo(clients[1]))
}

func TestAMemberWithAFullDiskEnds(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client := dial(t, cluster.Endpoints()...)
	put(t, client, "before")
	require.NoError(t, cluster.Member(0).LimitFiles(1))
	requireSilence(t, client)
	<-cluster.Member(0).Done()
	cluster.Member(0).Kill()
	require.NoError(t, cluster.Member(0).Restart())
	put(t, client, "after")
}

func TestAQuotaThatIsReachedStopsWrites(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{NoSync: true, QuotaBytes: 1 << 20})
	client := dial(t, cluster.Endpoints()...)
	put(t, client, "before")
	value := strings.Repeat("x", 200<<10)
	var err error
	for err == nil { // The size that counts is that of etcd's last commit to its file.
		_, err = client.Put(t.Context(), "key", value)
	}
	require.ErrorIs(t, err, rpctypes.ErrNoSpace)
	_, err = client.Get(t.Context(), "key")
	require.NoError(t, err, "reads go on")
}

func TestAClientThroughLinks(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	links, endpoints := cluster.Through(t)
	client := dial(t, endpoints...)
	put(t, client, "before")
	links[0].Set(link.Fault{HoldAnswers: true})
	requireSilence(t, client)
	links[0].Set(link.Fault{})
	put(t, client, "after")
}

func TestMembersSpeakTLS(t *testing.T) {
	t.Parallel()
	certificates := etcdtest.NewCertificates(t)
	cluster := etcdtest.Start(t, etcdtest.Options{Members: 3, NoSync: true, Links: true, TLS: certificates.Dir})
	client, err := clientv3.New(clientv3.Config{
		Endpoints: cluster.Endpoints(), Logger: zap.NewNop(), TLS: certificates.TLS(t, "client"),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	put(t, client, "value")
}
