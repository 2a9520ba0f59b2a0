package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// stanzas writes the commands or the configuration that register each plugin, with the checksum of the file in the
// archive: the published files are then enough to set up a server.
func stanzas(_ context.Context, r *Release, all []Built) error {
	for _, b := range all {
		if b.Stanza == nil {
			continue
		}
		sum, err := fileSum(b.File)
		if err != nil {
			return err
		}
		if err := r.write(r.name(b, ".register.txt"), []byte(b.Stanza(filepath.Base(b.File), sum, r.Version))); err != nil {
			return err
		}
	}
	return nil
}

// engineStanza registers the secrets engine. The file keeps its name: in a plugin directory with several versions,
// command names the one that is meant.
func engineStanza(file, sum, version string) string {
	return fmt.Sprintf(`# Put the file into Vault's plugin_directory, and register it; in OpenBao, with bao for vault.
vault plugin register -sha256=%[1]s \
    -command=%[2]s -version=%[3]s \
    secret %[4]s
vault secrets enable -path=alicloudkms -plugin-version=%[3]s \
    %[4]s
`, sum, file, version, strings.TrimSuffix(file, ".exe"))
}

func sealStanza(file, sum, _ string) string {
	return fmt.Sprintf(`# Put the file into OpenBao's plugin_directory, and this into its configuration file.
plugin "kms" "alicloudkms" {
  command   = "%s"
  sha256sum = "%s"
}
seal "alicloudkms" {
  region     = "cn-hangzhou"
  kms_key_id = "alias/unseal"
}
`, file, sum)
}
