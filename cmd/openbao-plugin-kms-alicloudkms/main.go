// Command openbao-plugin-kms-alicloudkms is the seal as a plugin for OpenBao 2.6 and later, which starts and configures
// it; see package seal and docs/seal.md.
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/seal"
)

// version is stamped by the build.
var version = "v0.1.0-dev"

const byHand = `This is a plugin: OpenBao starts it, it does nothing on its own. To use it, put it into OpenBao's plugin_directory,
and add this to its configuration file:

    plugin "kms" "alicloudkms" {
      command   = "openbao-plugin-kms-alicloudkms"
      sha256sum = "SUM"
    }
    seal "alicloudkms" {
      region     = "cn-hangzhou"
      kms_key_id = "alias/unseal"
    }

SUM is the SHA-256 checksum that sha256sum prints for this file.
`

func main() {
	if slices.Contains(os.Args[1:], "--version") || slices.Contains(os.Args[1:], "-version") {
		fmt.Println("openbao-plugin-kms-alicloudkms", version)
		return
	}
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) != plugin.HandshakeConfig.MagicCookieValue {
		fmt.Fprint(os.Stderr, byHand)
		os.Exit(1)
	}
	// OpenBao reads the plugin's standard error, and puts what it finds there into its own log.
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: os.Stderr, JSONFormat: true})
	plugin.Serve(&plugin.ServeOpts{
		WrapperFactoryFunc: func() wrapping.Wrapper { return &seal.Wrapper{Warn: logger.Warn} },
		Logger:             logger,
	})
}
