package alicloudkms

import (
	"cmp"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A use is the purpose that a secret was given for: one access key, one role, and one endpoint each of KMS, its
// dedicated gateway, STS and RAM, with their CAs.
type use struct {
	accessKey, roleARN                         string
	endpoint, caCert, stsEndpoint, ramEndpoint string
	instance                                   instanceConfig
}

func (c *config) use() use {
	return use{
		c.AccessKey, c.RoleARN,
		c.Endpoint, c.CACert, c.STSEndpoint, c.RAMEndpoint,
		c.Instance.given(),
	}
}

// updateCredentials takes the fields for the credentials and for the addresses of KMS, STS and RAM. A caller that
// changes the use of the secret must give the secret again. Otherwise, a caller that does not know it could direct
// signed requests to a server of its own, or assume a role that was not meant for it.
func (c *config) updateCredentials(d *framework.FieldData) {
	old := c.use()
	c.Instance.update(d)
	set(d, "endpoint", &c.Endpoint)
	set(d, "ca_cert", &c.CACert)
	set(d, "access_key", &c.AccessKey)
	set(d, "use_environment", &c.UseEnvironment)
	set(d, "role_arn", &c.RoleARN)
	if c.RoleARN == "" { // The settings of a role are dropped with it.
		c.RoleSessionName, c.RoleExternalID, c.STSEndpoint = "", "", ""
	}
	set(d, "role_session_name", &c.RoleSessionName)
	set(d, "role_external_id", &c.RoleExternalID)
	set(d, "sts_endpoint", &c.STSEndpoint)
	set(d, "ram_endpoint", &c.RAMEndpoint)
	if c.use() != old {
		c.SecretKey, c.SecurityToken = kmsapi.Secret{}, kmsapi.Secret{}
		c.Instance.forgetLearnedCA() // It may have come from another server.
	}
	setSecret(d, "secret_key", &c.SecretKey)
	setSecret(d, "security_token", &c.SecurityToken)
	c.followUse(old)
}

func (c *config) checkCredentials() error {
	switch {
	case c.AccessKey == "" && !(c.SecretKey.IsEmpty() && c.SecurityToken.IsEmpty()):
		return refusal.BadRequest("secret_key and security_token need an access_key")
	case c.AccessKey == "" && !c.UseEnvironment:
		return refusal.BadRequest("access_key and secret_key are required, unless use_environment=true lets the engine use the credentials of the Vault server's environment")
	case c.AccessKey != "" && c.SecretKey.IsEmpty():
		return refusal.BadRequest("secret_key is required: it must be given with every new access_key, endpoint, ca_cert, sts_endpoint, ram_endpoint, role_arn or gateway, and with every change of how the dedicated gateway is reached: instance_endpoint, instance_tls_server_name, instance_ca_cert, kms_instance_id")
	case c.RoleARN == "" && (c.RoleSessionName != "" || c.RoleExternalID != "" || c.STSEndpoint != ""):
		return refusal.BadRequest("role_session_name, role_external_id and sts_endpoint need a role_arn")
	default:
		return nil
	}
}

// stsCA is the CA that is trusted for STS, in addition to the system's. For Alibaba Cloud's own STS there is none: its
// answer holds the secret of a session, which anyone on the network path with a certificate of that CA could read.
func (c *config) stsCA() string {
	if c.STSEndpoint == "" || isAlibabaCloud(c.STSEndpoint) {
		return ""
	}
	return c.CACert
}

// identity returns a string that changes whenever KMS might be called for another account. A rotation of the access key
// does not change the account.
func (c *config) identity() string {
	return strings.Join([]string{c.Endpoint, cmp.Or(c.Rotation.Origin, c.AccessKey), c.RoleARN}, " ")
}

// borrowed reports whether the credentials come from a role or the environment, and not from config.
func (c *config) borrowed() bool { return c.AccessKey == "" || c.RoleARN != "" }

func (c *config) credentials() (client.Provider, error) {
	return credentials.New(credentials.Config{
		Static:         client.Static{AccessKeyID: c.AccessKey, AccessKeySecret: c.SecretKey, SecurityToken: c.SecurityToken},
		UseEnvironment: c.UseEnvironment,
		Role: credentials.Role{
			ARN:         c.RoleARN,
			SessionName: c.RoleSessionName,
			ExternalID:  c.RoleExternalID,
			Region:      c.Region,
			Network:     c.Network,
			Endpoint:    c.STSEndpoint,
			CACert:      c.stsCA(),
		},
	})
}
