package alicloudkms

import (
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// TestMain makes the test binary serve as the plugin if Vault's cookie is in its environment: the race detector then
// also watches the plugin's side, and nothing needs to be built.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue {
		if err := plugin.Serve(&plugin.ServeOpts{BackendFactoryFunc: Factory}); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// newGRPCRig makes an engine in a process of its own, called in the same way as by Vault.
func newGRPCRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, storage: &countingStorage{}, log: &testlog.Buffer{}}
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: r.log})
	command := exec.Command(os.Args[0], "-test.run=^$")
	command.Env = append(os.Environ(), pluginutil.PluginAutoMTLSEnv+"=true", pluginutil.PluginVaultVersionEnv+"=1.21.1")
	plugins := goplugin.PluginSet{plugin.BackendPluginName: &plugin.GRPCBackendPlugin{Logger: logger}}
	process := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig,
		VersionedPlugins: map[int]goplugin.PluginSet{4: plugins},
		Cmd:              command,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           logger,
	})
	t.Cleanup(process.Kill)
	conn, err := process.Client()
	require.NoError(t, err)
	raw, err := conn.Dispense(plugin.BackendPluginName)
	require.NoError(t, err)
	r.b = raw.(logical.Backend)
	require.NoError(t, r.b.Setup(t.Context(), &logical.BackendConfig{
		Logger: logger, System: logical.TestSystemView(), StorageView: r.storage, BackendUUID: "test",
	}))
	require.NoError(t, r.b.Initialize(t.Context(), &logical.InitializationRequest{Storage: r.storage}))
	return r
}

func TestMainJobOverGRPC(t *testing.T) {
	r := newGRPCRig(t)
	require.Equal(t, logical.TypeLogical, r.b.Type())
	require.Equal(t, []string{configPath, wrappingKeyPath}, r.b.SpecialPaths().SealWrapStorage)
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 400, "not configured")
	_, err = r.tryWrite("config", body{"secret_key": []any{markSecretKey}})
	refused(t, err, 400, "secret_key")

	service := kmstest.New(t)
	runMainJob(r, realConfig(service), service.Restart)
	r.storage.reset("", 0)
	r.encrypt("b", hello)
	require.Zero(t, r.storage.total(), "a warm encrypt asks nothing of Vault")
	service.Stop()
	_, err = r.tryWrite("encrypt/b", body{"plaintext": hello})
	refused(t, err, 502)
	requireNoMarker(t, "the log", r.log.String())
}
