package setup

import (
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Client is what a client needs to use a service.
type Client struct {
	// Endpoint is host:port.
	Endpoint, Region string
	AccessKeyID      string
	Secret           kmsapi.Secret
	// CAFile is the absolute path of a PEM file.
	CAFile string
}

// Variable is an environment variable that a client reads.
type Variable struct{ Name, Value string }

// Environment is the variables of a client, in the order in which scripts set them.
type Environment []Variable

// Environment returns the variables that Vault, the SDKs and Node.js read.
func (c Client) Environment() Environment {
	secret := c.Secret.Reveal()
	return Environment{
		{"ALICLOUD_DOMAIN", c.Endpoint},
		{"ALICLOUD_REGION", c.Region},
		{"ALICLOUD_ACCESS_KEY", c.AccessKeyID},
		{"ALICLOUD_SECRET_KEY", secret},
		{"ALIBABA_CLOUD_ACCESS_KEY_ID", c.AccessKeyID},
		{"ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret},
		{"SSL_CERT_FILE", c.CAFile},
		{"NODE_EXTRA_CA_CERTS", c.CAFile},
	}
}

// Script returns a shell script that sets the variables.
func (e Environment) Script() string {
	var b strings.Builder
	for _, v := range e {
		fmt.Fprintf(&b, "export %s=%s\n", v.Name, shell.Quote(v.Value))
	}
	return b.String()
}

// Names returns the names of the variables, separated by spaces, for output that must not show values.
func (e Environment) Names() string {
	var all []string
	for _, v := range e {
		all = append(all, v.Name)
	}
	return strings.Join(all, " ")
}
