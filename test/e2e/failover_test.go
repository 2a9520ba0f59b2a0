package e2e

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// mounted returns the mount at path as a client of the server sees it.
func (v *vaultServer) mounted(t *testing.T, path string) *mount {
	return &mount{t: t, client: v.client, path: path}
}

// serves reports whether the server answers for the mount at path. A standby of OpenBao does so by itself, and says that
// there is no such path until it has heard of it.
func (v *vaultServer) serves(t *testing.T, path string) func() bool {
	return func() bool {
		answer, err := v.mounted(t, path).client.Logical().Read(path + "/config")
		return err == nil && answer != nil
	}
}

// patiently asks as a client does that knows all nodes: it goes on to the next one while a node is away, has no leader,
// or hears from the engine that the key is being made by the request that it has just lost.
func (c *cluster) patiently(t *testing.T, path string, first int) ask {
	return func(where string, data map[string]any) (*api.Secret, error) {
		for try, deadline := first, time.Now().Add(startTime); ; try++ {
			answer, err := c.nodes[try%clusterSize].mounted(t, path).try(where, data)
			if err == nil || time.Now().After(deadline) || !isTemporary(err) {
				return answer, err
			}
			time.Sleep(pollEvery)
		}
	}
}

func isTemporary(err error) bool {
	var refusal *api.ResponseError
	if !errors.As(err, &refusal) {
		return true // There was no answer.
	}
	return isServerError(refusal) || refusal.StatusCode == http.StatusConflict
}

func TestKilledLeadersLoseNothingThatWasAcknowledged(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "cluster")
		c := startCluster(t, s.vault.platform, settings{})
		leader := c.leader(t)
		const path = "alicloudkms"
		m := leader.mounted(t, path)
		require.NoError(t, m.client.Sys().Mount(path, &api.MountInput{
			Type: pluginName, Config: api.MountConfigInput{PluginVersion: stampedVersion},
		}))
		m.write("config", kms.config())
		m.write("keys/"+firstKey, nil)
		for _, node := range c.nodes {
			require.NoError(t, node.waitUntil(node.serves(t, path)))
		}

		told := newLedger()
		finish := told.run(t, func(number int) ask { return c.patiently(t, path, number) })
		for range 2 {
			told.until(t, kms.process, 100)
			killed := c.leader(t)
			killed.killWithPlugins(t)
			told.until(t, kms.process, 100)
			require.NoError(t, killed.start())
			require.NoError(t, killed.waitUntil(killed.unsealed))
			require.NoError(t, killed.waitUntil(killed.serves(t, path)))
			require.NoError(t, killed.waitUntil(c.canLoseANode))
		}
		finish()

		require.Empty(t, told.errs, "a patient client must not see a failure")
		for _, node := range c.nodes {
			told.opensOn(node.mounted(t, path))
		}
		told.agreesWith(c.leader(t).mounted(t, path), kms)
	})
}
