package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An interruption is a request that makes something in KMS, whose leader is killed before it stores that.
type interruption struct {
	name string
	// path is what is written, with fields, on a mount that has firstKey. KMS acts on operation, and no more.
	path      string
	fields    map[string]any
	operation kmsapi.Operation
	// key is the key's name, and cmks and versions are how many it has once that is stored.
	key            string
	cmks, versions int
}

var interruptions = []interruption{
	{
		name: "a new key", path: "keys/new", operation: kmsapi.OpCreateKey,
		key: "new", cmks: 1, versions: 1,
	},
}

// TestLeaderKilledBetweenKMSAndStorageLosesAndDoublesNothing kills the leader when KMS has acted and the leader does
// not know yet. First the next leader settles it by rollback alone, and then the client repeats its request.
func TestLeaderKilledBetweenKMSAndStorageLosesAndDoublesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "interrupted")
		proxy := kms.behindFaults(t)
		c := startCluster(t, s.vault.platform, settings{rawStorage: true})
		m := c.mount(t, proxy.config())
		m.write("keys/"+firstKey, nil)
		for _, broken := range interruptions {
			t.Run(broken.name, func(t *testing.T) {
				before := len(kms.cmks(t))
				killed := c.killAfter(t, proxy, m, broken)
				next := c.leader(t)
				require.NoError(t, next.Await(next.serves(t, m.path)))
				leader := next.mounted(t, m.path)

				leader.settleByRollback()
				made := leader.read("keys/" + broken.key)
				require.Len(t, made["keys"], broken.versions)
				require.Len(t, kms.cmks(t), before+broken.cmks, "in all of KMS")
				again := leader.write(broken.path, broken.fields)
				require.Equal(t, made["key_id"], again["key_id"])
				require.Len(t, kms.cmks(t), before+broken.cmks, "in all of KMS, after a repeat")
				plaintext := newPlaintext()
				require.Equal(t, plaintext, leader.decrypt(broken.key, leader.encrypt(broken.key, plaintext)))
				c.takeBack(t, killed, m.path)
			})
		}
	})
}

// killAfter sends a request, and kills the leader as soon as KMS has acted on it.
func (c *cluster) killAfter(t *testing.T, proxy *faultProxy, m *mount, broken interruption) (killed *vaultServer) {
	t.Helper()
	acted, ended := make(chan struct{}, 1), make(chan error, 1)
	proxy.goWrong(hold(broken.operation, acted))
	defer proxy.heal()
	killed = c.leader(t)
	go func() {
		_, err := killed.mounted(t, m.path).try(broken.path, broken.fields)
		ended <- err
	}()
	select {
	case <-acted:
	case err := <-ended:
		require.NoError(t, err, "it ended before KMS was asked for %s", broken.operation)
	case <-time.After(patience):
		require.Fail(t, "KMS was not asked for "+string(broken.operation))
	}
	killed.killWithPlugins(t)
	assert.Error(t, <-ended)
	return killed
}

// settleByRollback has Vault settle the mount's write-ahead log at once: it makes the entries look old, which Vault
// otherwise waits for, and lets the rollback run that precedes a move of the mount.
func (m *mount) settleByRollback() {
	m.t.Helper()
	raw := m.client.Logical()
	mounts, err := m.client.Sys().ListMounts()
	require.NoError(m.t, err)
	log := "sys/raw/logical/" + mounts[m.path+"/"].UUID + "/wal/"
	found, err := raw.List(log)
	require.NoError(m.t, err)
	require.NotNil(m.t, found, "the write-ahead log is empty")
	for _, id := range found.Data["keys"].([]any) {
		stored, err := raw.Read(log + id.(string))
		require.NoError(m.t, err)
		var entry map[string]any
		require.NoError(m.t, json.Unmarshal([]byte(stored.Data["value"].(string)), &entry))
		require.Contains(m.t, entry, "created_at")
		entry["created_at"] = time.Now().Add(-time.Hour).Unix()
		old, err := json.Marshal(entry)
		require.NoError(m.t, err)
		_, err = raw.Write(log+id.(string), map[string]any{"value": string(old)})
		require.NoError(m.t, err)
	}
	for _, move := range [][2]string{{m.path, m.path + "-moved"}, {m.path + "-moved", m.path}} {
		require.NoError(m.t, m.client.Sys().Remount(move[0], move[1]))
	}
	left, err := raw.List(strings.TrimSuffix(log, "/"))
	require.NoError(m.t, err)
	require.Nil(m.t, left, "the rollback leaves entries of the log")
}
