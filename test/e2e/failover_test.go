package e2e

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mount mounts the engine for one test, with a configuration. It is unmounted before the servers stop: a server that
// becomes the leader while stopping would start the plugin and leave it running.
func (c *cluster) mount(t *testing.T, config map[string]any) *mount {
	t.Helper()
	m := c.leader(t).mounted(t, "alicloudkms")
	m.insists = true
	require.NoError(t, m.client.Sys().Mount(m.path, &api.MountInput{
		Type: pluginName, Config: api.MountConfigInput{PluginVersion: stampedVersion},
	}))
	t.Cleanup(func() {
		_, err := m.ask(func() (*api.Secret, error) { return nil, c.leader(t).Client.Sys().Unmount(m.path) })
		assert.NoError(t, err)
	})
	m.write("config", config)
	for _, node := range c.nodes {
		require.NoError(t, node.Await(node.serves(t, m.path)))
	}
	return m
}

// mounted returns the mount at path as a client of the server sees it.
func (v *vaultServer) mounted(t *testing.T, path string) *mount {
	return &mount{t: t, client: v.Client, path: path}
}

// serves reports whether the server answers for the mount at path. A standby of OpenBao answers on its own, and reports
// that the path does not exist until it learns of the mount.
func (v *vaultServer) serves(t *testing.T, path string) func() bool {
	return func() bool {
		answer, err := v.mounted(t, path).client.Logical().Read(path + "/config")
		return err == nil && answer != nil
	}
}

// takeBack starts a node that was killed, and waits until the cluster can lose another.
func (c *cluster) takeBack(t *testing.T, killed *vaultServer, path string) {
	t.Helper()
	require.NoError(t, killed.start())
	require.NoError(t, killed.Await(killed.unsealed))
	require.NoError(t, killed.Await(killed.serves(t, path)))
	require.NoError(t, killed.Await(c.canLoseANode))
}

// patience is how long a patient client asks again. On a busy machine, an election may need several rounds.
const patience = 3 * time.Minute

// patiently asks like a client that knows several nodes: it tries the next one while a node is down, has no leader, or
// gives another temporary error. It begins with node first.
func patiently(t *testing.T, nodes []*vaultServer, path string, first int) ask {
	return func(where string, data map[string]any) (*api.Secret, error) {
		for try, deadline := first, time.Now().Add(patience); ; try++ {
			answer, err := nodes[try%len(nodes)].mounted(t, path).try(where, data)
			if err == nil || time.Now().After(deadline) || !isTemporary(err) {
				return answer, err
			}
			time.Sleep(pollInterval)
		}
	}
}

// isTemporary reports whether a client should ask again. Permanent errors still surface in the end.
func isTemporary(err error) bool {
	var refusal *api.ResponseError
	if !errors.As(err, &refusal) {
		return true // There was no response.
	}
	// 409: the key is being created by the request whose response the client has just lost.
	return isServerError(refusal) || refusal.StatusCode == http.StatusConflict
}

func TestKilledLeadersLoseNoAcknowledgedWrites(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "cluster")
		c := startCluster(t, s.vault.platform, settings{})
		m := c.mount(t, kms.EngineConfig())
		m.write("keys/"+firstKey, nil)

		work := newLedger()
		finish := work.run(t, func(number int) ask { return patiently(t, c.nodes, m.path, number) })
		for range 2 {
			work.until(t, kms.Process, 100)
			killed := c.leader(t)
			killed.killWithPlugins(t)
			work.until(t, kms.Process, 100)
			c.takeBack(t, killed, m.path)
		}
		finish()

		require.Empty(t, work.errs, "a client that retries must not see a failure")
		for _, node := range c.nodes {
			work.opensFor(t, patiently(t, []*vaultServer{node}, m.path, 0))
		}
		work.agreesWith(c.mounted(t, m.path), kms)
	})
}
