// Command vault-plugin-secrets-alicloudkms is the secrets engine as a plugin: Vault and OpenBao start it, a process for
// each mount. It needs no configuration file; see package alicloudkms.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/plugin"

	alicloudkms "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/byhand"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm3" // The engine signs data with keys on SM2.
)

const name = "vault-plugin-secrets-alicloudkms"

// help has the commands that work for the very file that prints them.
func help(command, sum string) string {
	return fmt.Sprintf(`This is a plugin: Vault starts it; it does nothing on its own. To use it, put it into Vault's plugin_directory,
and run:

    vault plugin register -sha256=%[3]s \
        -command=%[2]s -version=%[1]s \
        secret %[4]s
    vault secrets enable -path=alicloudkms -plugin-version=%[1]s \
        %[4]s
`, alicloudkms.Version, command, sum, name)
}

func main() {
	byHand := byhand.Plugin{
		Name:    name,
		Version: alicloudkms.Version,
		Served:  os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue,
		Help:    help,
	}
	if status, answered := byHand.Answer(os.Args[1:], os.Stdout, os.Stderr); answered {
		os.Exit(status)
	}
	if err := serve(os.Args[1:]); err != nil {
		hclog.New(&hclog.LoggerOptions{JSONFormat: true}).Error("the plugin has stopped", "error", err)
		os.Exit(1)
	}
}

// gcPercent lets a small heap grow to five times its size before it is collected: little of what requests allocate
// survives, and frequent collections would slow down each of them.
const gcPercent = 400

// memoryLimit, in bytes, is where the heap no longer grows like that: eight times what the batches of a mount may take,
// for items, answers and copies on the wire. The collector works harder there, and nothing fails.
const memoryLimit = 512 << 20

func serve(args []string) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	meta := &api.PluginAPIClientMeta{}
	if err := meta.FlagSet().Parse(args); err != nil {
		return err
	}
	// With ServeMultiplex, Vault would run one process for all mounts, and end it to reload any of them: requests of the
	// other mounts fail then, whatever the plugin does in its last seconds.
	return plugin.Serve(&plugin.ServeOpts{
		BackendFactoryFunc: alicloudkms.NewFactory(),
		Logger:             newLogger(),
		// Vault versions before AutoMTLS need it; later ones ignore it.
		TLSProviderFunc: api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
}
