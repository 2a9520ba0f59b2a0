// Command openbao-plugin-kms-alicloudkms is a plugin that OpenBao starts and configures: a seal for OpenBao 2.6 and
// later, and External Keys for 2.7 and later. See package seal, docs/seal.md and docs/external-keys.md.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/byhand"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/seal"
)

// version is stamped by the build.
var version = "v0.2.0-dev"

const name = "openbao-plugin-kms-alicloudkms"

// help has the configuration that works for the very file that prints it.
func help(command, sum string) string {
	return fmt.Sprintf(`This is a plugin: OpenBao starts it; it does nothing on its own. To use it, put it into OpenBao's plugin_directory,
and add this to its configuration file:

    plugin "kms" "alicloudkms" {
      command   = "%s"
      sha256sum = "%s"
    }
    seal "alicloudkms" {
      region     = "cn-hangzhou"
      kms_key_id = "alias/unseal"
    }

From OpenBao 2.7 on, transit and PKI can use keys in KMS too, with or without that seal:

    bao write sys/external-keys/configs/kms plugin=alicloudkms region=cn-hangzhou access_key=... secret_key=...
    bao write sys/external-keys/configs/kms/keys/app key_id=...
`, command, sum)
}

func main() {
	byHand := byhand.Plugin{
		Name:    name,
		Version: version,
		Served:  os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue,
		Help:    help,
	}
	if status, answered := byHand.Answer(os.Args[1:], os.Stdout, os.Stderr); answered {
		os.Exit(status)
	}
	// OpenBao reads the plugin's standard error, and puts what it finds there into its own log.
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: os.Stderr, JSONFormat: true})
	plugin.Serve(&plugin.ServeOpts{
		WrapperFactoryFunc: func() wrapping.Wrapper { return &seal.Wrapper{Warn: logger.Warn} },
		KMSFactoryFunc:     seal.NewExternalKeys,
		Metadata:           plugin.Metadata{SensitiveKMSFields: seal.SensitiveKMSFields()},
		Logger:             logger,
	})
}
