// Command sigstore-kms-alicloudkms lets cosign and other programs of sigstore, which run it, sign with keys of Alibaba
// Cloud KMS. A key is named alicloudkms://REGION/KEY; see docs/cosign.md.
package main

import (
	"fmt"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/sigstore-kms-alicloudkms/internal/kmskeys"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/sigstore-kms-alicloudkms/internal/protocol"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/byhand"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
)

// version is stamped by the build.
var version = "v0.2.0-dev"

// name is the name by which sigstore finds the program on the PATH.
const name = "sigstore-kms-" + kmskeys.Scheme

func help(string, string) string {
	return `This is a plugin: cosign and other sigstore programs run it; it does nothing on its own. To use it, put it into a
folder of your PATH under the name ` + name + `, and name a key of Alibaba Cloud KMS:

    cosign generate-key-pair --kms alicloudkms://cn-hangzhou/alias/release
    cosign sign-blob --key alicloudkms://cn-hangzhou/alias/release FILE

The credentials come from the environment: ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, a profile of the aliyun command,
a role, and so on.
`
}

func main() {
	args := os.Args[1:]
	byHand := byhand.Plugin{Name: name, Version: version, Served: len(args) > 0, Help: help}
	if status, answered := byHand.Answer(args, os.Stdout, os.Stderr); answered {
		os.Exit(status)
	}
	keys := &kmskeys.Keys{
		Variables: os.Getenv, UserAgent: name + "/" + version,
		Warn: func(message string) { fmt.Fprintln(os.Stderr, name+":", printable.Text(message)) },
	}
	os.Exit(protocol.Serve(args, os.Stdin, os.Stdout, os.Stderr, keys))
}
