package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An interruption is a request that makes something in KMS, whose leader is killed before it stores that.
type interruption struct {
	name string
	// isNew is set if the request makes the key; otherwise there is one, which was made with made.
	isNew bool
	made  map[string]any
	// path is what is written below keys/NAME, with fields, and operation what KMS acts on before the leader is killed.
	path      string
	fields    map[string]any
	operation kmsapi.Operation
	// settle makes the next leader find out.
	settle func(m *mount, i interruption, key string)
	// cmks and versions are how many the key has then, and isEnvelope says that its newest version is a data key.
	cmks, versions int
	isEnvelope     bool
}

var inEnvelopeMode = map[string]any{"encryption": "envelope"}

var interruptions = []interruption{
	{
		name: "a new key, which rollback finds", isNew: true, operation: kmsapi.OpCreateKey,
		settle: settleByRollback, cmks: 1, versions: 1,
	},
	{
		name: "a new key, which a repeat finds", isNew: true, operation: kmsapi.OpCreateKey,
		settle: repeatRequest, cmks: 1, versions: 1,
	},
	{
		name: "a KMS key that follows, which rollback finds",
		path: "/rotate", fields: map[string]any{"new_cmk": true}, operation: kmsapi.OpCreateKey,
		settle: settleByRollback, cmks: 2, versions: 2,
	},
	{
		name: "a KMS key that follows, which a repeat finds",
		path: "/rotate", fields: map[string]any{"new_cmk": true}, operation: kmsapi.OpCreateKey,
		settle: repeatRequest, cmks: 2, versions: 2,
	},
	{
		name: "a version of the KMS key, which the next list of versions finds",
		path: "/rotate", operation: kmsapi.OpCreateKeyVersion,
		settle: keepMinimum, cmks: 1, versions: 2,
	},
	{
		name: "a new key in envelope mode, which rollback finds", isNew: true, fields: inEnvelopeMode,
		operation: kmsapi.OpGenerateDataKey,
		settle:    settleByRollback, cmks: 1, versions: 1, isEnvelope: true,
	},
	{
		name: "a data key, which a repeat makes again", made: inEnvelopeMode,
		path: "/rotate", operation: kmsapi.OpGenerateDataKey,
		settle: repeatRequest, cmks: 1, versions: 2, isEnvelope: true,
	},
	{
		name: "the data key of a change of mode, which a repeat makes again",
		path: "/config", fields: inEnvelopeMode, operation: kmsapi.OpGenerateDataKey,
		settle: repeatRequest, cmks: 1, versions: 2, isEnvelope: true,
	},
	{
		name: "a KMS key that follows in envelope mode, which rollback finds", made: inEnvelopeMode,
		path: "/rotate", fields: map[string]any{"new_cmk": true}, operation: kmsapi.OpGenerateDataKey,
		settle: settleByRollback, cmks: 2, versions: 2, isEnvelope: true,
	},
}

func (i interruption) send(m *mount, key string) error {
	_, err := m.try("keys/"+key+i.path, i.fields)
	return err
}

// TestLeaderKilledBetweenKMSAndStorageLosesAndDoublesNothing kills the leader when KMS has acted and the leader does
// not know yet.
func TestLeaderKilledBetweenKMSAndStorageLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "interrupted")
		proxy := kms.behindFaults(t)
		c := startCluster(t, s.vault.platform, settings{rawStorage: true})
		m := c.mount(t, proxy.config())
		for number, broken := range interruptions {
			t.Run(broken.name, func(t *testing.T) {
				key, plaintext, before := fmt.Sprint("k", number), newPlaintext(), len(kms.cmks(t))
				first := ""
				if leader := c.mounted(t, m.path); !broken.isNew {
					leader.write("keys/"+key, broken.made)
					first = leader.encrypt(key, plaintext)
				}
				killed := c.killAfter(t, proxy, m.path, func(m *mount) error { return broken.send(m, key) }, broken.operation)
				leader := c.mounted(t, m.path)
				broken.settle(leader, broken, key)

				found := leader.read("keys/" + key)
				require.Len(t, found["keys"], broken.versions)
				require.Equal(t, broken.isEnvelope, found["encryption"] == "envelope")
				require.Len(t, kms.cmks(t), before+broken.cmks, "in all of KMS")
				text := leader.encrypt(key, plaintext)
				require.Regexp(t, fmt.Sprintf("^vault:v%d:", broken.versions), text)
				require.Equal(t, broken.isEnvelope, strings.Contains(text, ":AEFLR"), text)
				require.Equal(t, plaintext, leader.decrypt(key, text))
				if first != "" {
					require.Equal(t, plaintext, leader.decrypt(key, first))
				}
				c.takeBack(t, killed, m.path)
			})
		}
	})
}

// mounted returns the mount as a client of the leader sees it, once that serves it. It insists.
func (c *cluster) mounted(t *testing.T, path string) *mount {
	t.Helper()
	leader := c.leader(t)
	require.NoError(t, leader.Await(leader.serves(t, path)))
	m := leader.mounted(t, path)
	m.insists = true
	return m
}

// keepMinimum is a write that changes nothing, and for which the engine lists the versions.
func keepMinimum(m *mount, _ interruption, key string) {
	m.t.Helper()
	m.write("keys/"+key+"/config", map[string]any{"min_decryption_version": 1})
}

func repeatRequest(m *mount, i interruption, key string) {
	m.t.Helper()
	require.NoError(m.t, i.send(m, key))
}

// killAfter sends a request to the leader, and kills it as soon as KMS has acted on the operation.
func (c *cluster) killAfter(
	t *testing.T, proxy *faultProxy, path string, send func(*mount) error, operation kmsapi.Operation,
) (killed *vaultServer) {
	t.Helper()
	acted, ended := make(chan struct{}, 1), make(chan error, 1)
	proxy.goWrong(hold(operation, acted))
	defer proxy.heal()
	killed = c.leader(t)
	go func() { ended <- send(killed.mounted(t, path)) }()
	select {
	case <-acted:
	case err := <-ended:
		require.Fail(t, "the request ended before KMS had acted on "+string(operation), err)
	}
	killed.killWithPlugins(t)
	require.Error(t, <-ended)
	return killed
}

// settleByRollback makes Vault settle the mount's write-ahead log at once: it makes the entries look as old as Vault
// otherwise waits for, and triggers the rollback that precedes a move of the mount.
func settleByRollback(m *mount, _ interruption, _ string) {
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
