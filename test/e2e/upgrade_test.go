package e2e

import (
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nextVersion is a later build of the same plugin, under its own file name, as in docs/upgrade.md.
const nextVersion = "v0.2.0-e2e"

// registerNext builds the later plugin and registers it in the catalog for the duration of the test.
func (s *stage) registerNext(t *testing.T) {
	t.Helper()
	next := filepath.Join(shared.plugins(), pluginName+"_"+nextVersion)
	require.NoError(t, shared.buildBinary("cmd/"+pluginName, next, nextVersion))
	require.NoError(t, s.vault.Register(t.Context(), pluginName, next, nextVersion))
	t.Cleanup(func() {
		assert.NoError(t, s.vault.Client.Sys().DeregisterPlugin(&api.DeregisterPluginInput{
			Name: pluginName, Type: api.PluginTypeSecrets, Version: nextVersion,
		}))
	})
}

// changeVersion tunes the mount to a version and reloads the plugin, so that this version runs.
func (m *mount) changeVersion(version string) {
	m.t.Helper()
	sys := m.client.Sys()
	require.NoError(m.t, sys.TuneMountAllowNil(m.path, api.TuneMountConfigInput{PluginVersion: &version}))
	_, err := sys.ReloadPlugin(&api.ReloadPluginInput{Plugin: pluginName})
	require.NoError(m.t, err)
	mounts, err := sys.ListMounts()
	require.NoError(m.t, err)
	require.Equal(m.t, version, mounts[m.path+"/"].RunningVersion)
}

func TestUpgradeAndDowngradeUnderLoad(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		s.registerNext(t)
		kms := s.ownKMS(t, "upgraded")
		m := s.mountUnconfigured(t)
		m.write("config", kms.EngineConfig())
		m.write("keys/"+firstKey, nil)

		work := newLedger()
		finish := work.run(t, func(int) ask { return m.try })
		work.until(t, s.vault.Process, 50)
		m.changeVersion(nextVersion)
		work.until(t, s.vault.Process, 50)
		m.changeVersion(stampedVersion)
		work.until(t, s.vault.Process, 50)
		finish()

		require.Empty(t, work.errs, "a reload waits for requests in flight")
		for _, version := range []string{nextVersion, stampedVersion} {
			m.changeVersion(version)
			work.opensFor(t, m.try)
		}
		work.agreesWith(m, kms)
	})
}
