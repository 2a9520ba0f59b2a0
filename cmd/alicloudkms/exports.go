package main

import (
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// export is an environment variable that a client reads.
type export struct{ name, value string }

type exports []export

// devExports returns what Vault, the SDKs and Node need to use a development service, each under its own names.
func devExports(dev *server.DevConfig, s *server.Server) exports {
	secret := dev.AccessKeySecret.Reveal()
	return exports{
		{"ALICLOUD_DOMAIN", s.Address()},
		{"ALICLOUD_REGION", kmsapi.DefaultRegion},
		{"ALICLOUD_ACCESS_KEY", dev.AccessKeyID},
		{"ALICLOUD_SECRET_KEY", secret},
		{"ALIBABA_CLOUD_ACCESS_KEY_ID", dev.AccessKeyID},
		{"ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret},
		{"SSL_CERT_FILE", dev.CAFile},
		{"NODE_EXTRA_CA_CERTS", dev.CAFile},
		{"ALICLOUD_KMS_INSTANCE_ID", dev.InstanceID},
		{"ALICLOUD_KMS_INSTANCE_ENDPOINT", s.InstanceAddress(dev.InstanceID)},
		{"ALICLOUD_KMS_INSTANCE_CA", dev.InstanceCAFile},
	}
}

// script returns a shell script that sets the variables.
func (e exports) script() string {
	var b strings.Builder
	for _, x := range e {
		fmt.Fprintf(&b, "export %s='%s'\n", x.name, strings.ReplaceAll(x.value, "'", `'\''`))
	}
	return b.String()
}

// names are those of the variables, for a line that shows no values.
func (e exports) names() string {
	var all []string
	for _, x := range e {
		all = append(all, x.name)
	}
	return strings.Join(all, " ")
}
