package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

func TestRunningVersionIsTheStampedOne(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		mounts, err := m.client.Sys().ListMounts()
		require.NoError(t, err)
		mounted := mounts[m.path+"/"]
		require.NotNil(t, mounted)
		require.Equal(t, stampedVersion, mounted.RunningVersion)

		printed, err := exec.Command(shared.service(), "version").Output()
		require.NoError(t, err)
		require.Contains(t, string(printed), stampedVersion)
	})
}

func TestPluginWithAnotherChecksumIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		const version = "v9.9.9"
		sys := s.vault.Client.Sys()
		wrong := &api.RegisterPluginInput{
			Name: pluginName, Type: api.PluginTypeSecrets, Command: pluginName, Version: version,
			SHA256: strings.Repeat("0", 64),
		}
		err := sys.RegisterPlugin(wrong)
		if err == nil { // Vault verifies the checksum only when it starts the plugin.
			t.Cleanup(func() {
				_ = sys.DeregisterPlugin(
					&api.DeregisterPluginInput{Name: pluginName, Type: api.PluginTypeSecrets, Version: version})
			})
			err = sys.Mount("never", &api.MountInput{Type: pluginName, Config: api.MountConfigInput{PluginVersion: version}})
		}
		var refusal *api.ResponseError
		require.ErrorAs(t, err, &refusal)
		require.GreaterOrEqual(t, refusal.StatusCode, http.StatusBadRequest)
		require.Contains(t, refusal.Error(), "checksum")
	})
}
