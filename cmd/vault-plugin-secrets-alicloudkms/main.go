// Command vault-plugin-secrets-alicloudkms is the secrets engine as a plugin: Vault and OpenBao start it, a process for
// each mount. It needs no configuration file; see package alicloudkms.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/plugin"

	alicloudkms "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"
)

const byHand = `This is a plugin: Vault starts it, it does nothing on its own. To use it, put it into Vault's plugin_directory,
and run:

    vault plugin register -sha256=SUM -version=%[1]s secret vault-plugin-secrets-alicloudkms
    vault secrets enable -path=alicloudkms vault-plugin-secrets-alicloudkms

SUM is the SHA-256 checksum that sha256sum prints for this file.
`

func main() {
	if slices.Contains(os.Args[1:], "--version") || slices.Contains(os.Args[1:], "-version") {
		fmt.Println("vault-plugin-secrets-alicloudkms", alicloudkms.Version)
		return
	}
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) != plugin.HandshakeConfig.MagicCookieValue {
		fmt.Fprintf(os.Stderr, byHand, alicloudkms.Version)
		os.Exit(1)
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
