package etcd_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// awaitError waits until the health of n has an error that contains what.
func (n *node) awaitError(t *testing.T, what string) {
	t.Helper()
	start := time.Now()
	for {
		status, _, text := n.health()
		if status == 503 && strings.Contains(text, what) {
			return
		}
		if time.Since(start) > 2*time.Minute {
			t.Fatalf("status %d: %s", status, text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Nodes that should not share an etcd prefix do no harm to the nodes of the cluster, and report what is wrong.
func TestNodesThatDoNotBelongToTheClusterSayWhy(t *testing.T) {
	l := newLab(t)
	one := l.start("one")
	one.await(200)
	created, err := one.client.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)

	twin := l.config("twin")
	l.certify(twin.Cluster, "test", "one")
	another := l.config("another")
	l.certify(another.Cluster, "other", "two")
	stranger := l.config("stranger")
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	stranger.RootKey = dev.Config.RootKey

	nodes := map[string]*node{
		"has the name of this node":                l.run("twin", twin),
		"the active node can't be reached: node o": l.run("another", another),
		"root key": l.run("stranger", stranger),
	}
	for what, n := range nodes {
		n.awaitError(t, what)
	}
	status, active, _ := one.health()
	require.Equal(t, 200, status)
	require.Equal(t, "one", active)
	_, err = one.client.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: created.KeyMetadata.KeyId})
	require.NoError(t, err)
}
