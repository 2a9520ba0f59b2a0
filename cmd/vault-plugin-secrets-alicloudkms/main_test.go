package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/plugin"
	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary serve as the plugin if Vault's cookie is in its environment.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue {
		main()
		return
	}
	os.Exit(m.Run())
}

// Vault asks a plugin whether one process may serve several mounts.
func TestVaultStartsAProcessForEachMount(t *testing.T) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), pluginutil.PluginAutoMTLSEnv+"=true", pluginutil.PluginVaultVersionEnv+"=1.21.1")
	process := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig,
		VersionedPlugins: plugin.PluginSet,
		Cmd:              command,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(process.Kill)
	connected, err := process.Client()
	require.NoError(t, err)
	shares, err := pluginutil.MultiplexingSupported(t.Context(), connected.(*goplugin.GRPCClient).Conn, "plugin")
	require.NoError(t, err)
	require.False(t, shares)
}
