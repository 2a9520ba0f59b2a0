package etcd_test

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/storetest"
)

// member starts an etcd of one member and returns a client.
func member(t testing.TB) *clientv3.Client {
	t.Helper()
	return dial(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}).Endpoints()...)
}

func dial(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, Logger: zap.NewNop(), DialTimeout: 5 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// patientLease outlasts a test, or an etcd, that gets no processor for a while: without an answer for that long, a term
// ends. Only nodes whose lease must end in the test have a shorter one.
const patientLease = 20 * time.Second

// leaseOf gives a node that lease.
func leaseOf(lease time.Duration) func(*etcd.Options) {
	return func(o *etcd.Options) { o.Lease = lease }
}

var self = cluster.Peer{Name: "node-1", Address: "127.0.0.1:1"}

// engine returns an engine that opens the stores of the suite, each under a prefix of its own.
func engine(client *clientv3.Client) storetest.Engine {
	return storetest.Engine{Open: func(folder string, o store.Options) (store.Store, error) {
		return etcd.Open(context.Background(), etcd.Options{
			Options: o, Client: client, Prefix: "suite/" + hex.EncodeToString([]byte(folder)) + "/", Lease: patientLease,
		}, self)
	}}
}

func TestThePromisesOfTheInterface(t *testing.T) {
	t.Parallel()
	storetest.Run(t, engine(member(t)))
}
