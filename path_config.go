package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// configPath is both the path and the storage key of the configuration.
const configPath = "config"

func (b *backend) configPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:        configPath,
		Fields:         configFields,
		ExistenceCheck: b.configExists,
		Operations: operations{
			logical.CreateOperation: primaryOnly(b.configWrite, "configure", "", nil),
			logical.UpdateOperation: primaryOnly(b.configWrite, "configure", "", nil),
			logical.PatchOperation:  primaryOnly(b.configPatch, "patch", "configuration", nil),
			logical.ReadOperation:   anyNode(b.configRead, "read", "configuration", configAnswer),
			logical.DeleteOperation: primaryOnly(b.configDelete, "delete", "configuration", nil),
		},
		HelpSynopsis: "How the engine reaches Alibaba Cloud KMS.",
		HelpDescription: `
Configure the engine. A later write keeps what it does not mention, except that a new access_key,
endpoint, ca_cert, sts_endpoint, role_arn or gateway needs the secret_key again and drops the
security_token. Nothing is stored unless KMS accepts the credentials, on both gateways if there are two.

    vault write alicloudkms/config region=cn-hangzhou access_key=LTAI... secret_key=...
    vault write alicloudkms/config network=vpc max_parallel=64
    vault patch alicloudkms/config max_parallel=32
    vault write alicloudkms/config role_arn=acs:ram::1000000000000001:role/vault secret_key=...
    vault write alicloudkms/config region=cn-hangzhou use_environment=true
    vault write alicloudkms/config endpoint=kms.example.com:8443 ca_cert=@ca.pem secret_key=...
    vault write alicloudkms/config kms_instance_id=kst-hzz62f1cb66fa42qo7p3x
    vault write alicloudkms/config kms_instance_id=kst-hzz62f1cb66fa42qo7p3x gateway=dedicated secret_key=...
    vault read alicloudkms/config

An access_key is always used if there is one. Without it, use_environment=true takes the credentials of the
Vault server: its environment variables, OIDC role, profile, credentials file or ECS RAM role. A role_arn is
assumed on top of either. Sessions are renewed before they end.

New keys are made in the KMS instance kms_instance_id. With gateway=dedicated, what uses its keys goes to
the instance's own gateway, and management to the shared one. The dedicated gateway's certificate is signed
by a private CA, which is read from KMS (kms:GetKmsInstance) unless instance_ca_cert gives it.

Secrets are never shown. The RAM user needs kms:DescribeRegions, unless verify=false is given, and
the permissions for whatever the engine is used for.
`,
	}}
}

var configFields = fields.Schemas{
	"region": {
		Type:        framework.TypeString,
		Description: "The region of the CMKs, such as cn-hangzhou. Required.",
	},
	"endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of KMS, if it is not the region's own, for example that of a local service. It is not for the dedicated gateway of a KMS instance. Empty: the region's.",
	},
	"network": {
		Type:          framework.TypeString,
		Description:   "The network that KMS is called on: public (default) or vpc.",
		AllowedValues: []any{string(kmsapi.NetworkPublic), string(kmsapi.NetworkVPC)},
		Default:       string(kmsapi.NetworkPublic),
	},
	"ca_cert": {
		Type:        framework.TypeString,
		Description: "CA certificates in PEM that KMS's certificate must be signed by. Empty: the system's.",
	},
	"kms_instance_id": {
		Type:        framework.TypeString,
		Description: "The KMS instance that new keys are made in, such as kst-hzz62f1cb66fa42qo7p3x. Empty: KMS decides.",
	},
	"gateway": {
		Type:          framework.TypeString,
		Description:   "The gateway for the use of keys of kms_instance_id: shared (default), which needs Internet access of the instance, or dedicated.",
		AllowedValues: []any{gatewayShared, gatewayDedicated},
		Default:       gatewayShared,
	},
	"instance_endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of the dedicated gateway. Empty: kms_instance_id, followed by .cryptoservice.kms.aliyuncs.com.",
	},
	"instance_tls_server_name": {
		Type:        framework.TypeString,
		Description: "The host name that the dedicated gateway's certificate must have. Empty: kms_instance_id, followed by .cryptoservice.kms.aliyuncs.com.",
	},
	"instance_ca_cert": {
		Type:        framework.TypeString,
		Description: "CA certificates in PEM that the dedicated gateway's certificate must be signed by. Empty: what GetKmsInstance says when the configuration is written.",
	},
	"access_key": {
		Type:        framework.TypeString,
		Description: "The access key id. Required, unless use_environment is true.",
	},
	"secret_key": {
		Type:         framework.TypeString,
		Description:  "The access key's secret. Required with an access_key. Never shown.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
	},
	"security_token": {
		Type:         framework.TypeString,
		Description:  "The token that goes with temporary credentials from STS. Never shown.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
	},
	"use_environment": {
		Type:        framework.TypeBool,
		Description: "Whether to use the credentials of the Vault server's environment if there is no access_key.",
	},
	"role_arn": {
		Type:        framework.TypeString,
		Description: "The RAM role to assume, such as acs:ram::1000000000000001:role/vault. Empty: none.",
	},
	"role_session_name": {
		Type:        framework.TypeString,
		Description: "The name of the role's sessions in audit records. Empty: vault-alicloudkms.",
	},
	"role_external_id": {
		Type:        framework.TypeString,
		Description: "The external id that the role's trust policy asks for. It is not a secret, and is shown.",
	},
	"sts_endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of STS, which issues the sessions of the role. Empty: Alibaba Cloud's.",
	},
	"max_retries": {
		Type:        framework.TypeInt,
		Description: "How often a failed call is retried, 0 to 10.",
		Default:     defaultMaxRetries,
	},
	"request_timeout": {
		Type:        framework.TypeDurationSecond,
		Description: "How long one attempt of a call may take, 1 second to 5 minutes.",
		Default:     int(defaultRequestTimeout.Seconds()),
	},
	"max_parallel": {
		Type:        framework.TypeInt,
		Description: "How many calls to each gateway of KMS this mount makes at a time; further calls wait. 0 (default): no limit.",
	},
	"verify": {
		Type:        framework.TypeBool,
		Description: "Whether to call KMS with the new configuration before it is stored. verify itself is not stored.",
		Default:     true,
	},
}

var configAnswer = fields.Schemas{
	"region":            {Type: framework.TypeString},
	"endpoint":          {Type: framework.TypeString},
	"network":           {Type: framework.TypeString},
	"ca_cert":           {Type: framework.TypeString},
	"access_key":        {Type: framework.TypeString},
	"use_environment":   {Type: framework.TypeBool},
	"role_arn":          {Type: framework.TypeString},
	"role_session_name": {Type: framework.TypeString},
	"role_external_id":  {Type: framework.TypeString},
	"sts_endpoint":      {Type: framework.TypeString},
	"max_retries":       {Type: framework.TypeInt},
	"request_timeout":   {Type: framework.TypeInt, Description: "In seconds."},
	"max_parallel":      {Type: framework.TypeInt},

	"kms_instance_id":          {Type: framework.TypeString},
	"gateway":                  {Type: framework.TypeString},
	"instance_endpoint":        {Type: framework.TypeString},
	"instance_tls_server_name": {Type: framework.TypeString},
	"instance_ca_cert":         {Type: framework.TypeString, Description: "As given, or as KMS said."},
}

func (b *backend) configExists(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
	stored, err := req.Storage.Get(ctx, configPath)
	return stored != nil, err
}

func (b *backend) configWrite(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	return nil, b.changeConfig(ctx, req, d, func() (*config, error) { return newConfig(), nil })
}

// configPatch is a write to a configuration that exists. A null resets a field to its default.
func (b *backend) configPatch(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	return nil, b.changeConfig(ctx, req, d, func() (*config, error) {
		return nil, refusal.NotFound("%s", notConfigured(req))
	})
}

// changeConfig changes what is stored, or what initial returns if nothing is.
func (b *backend) changeConfig(
	ctx context.Context, req *logical.Request, d *framework.FieldData, initial func() (*config, error),
) error {
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return err
	}
	defer release()
	c, err := loadConfig(ctx, req.Storage)
	if err == nil && c == nil {
		c, err = initial()
	}
	if err != nil {
		return err
	}
	if err := c.update(d); err != nil {
		return err
	}
	if err := b.completeConfig(ctx, c, d.Get("verify").(bool)); err != nil {
		return err
	}
	if err := b.storeConfig(ctx, req.Storage, c); err != nil {
		return err
	}
	b.Logger().Info("the configuration was changed", "region", c.Region, "endpoint", c.Endpoint, "network", c.Network,
		"use_environment", c.UseEnvironment, "role_arn", c.RoleARN,
		"kms_instance_id", c.Instance.ID, "gateway", c.Instance.Gateway)
	return nil
}

// tryConfig checks that a client can use c, and, if verify is true, that KMS accepts it.
func (b *backend) tryConfig(ctx context.Context, c *config, verify bool) error {
	conn, err := b.connect(c)
	if err != nil {
		return err
	}
	defer conn.close()
	if !verify {
		return nil
	}
	for _, gateway := range conn.gateways() {
		if _, err := gateway.probe(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) configRead(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, b.missing(nil)
	}
	return &logical.Response{Data: map[string]any{
		"region":            c.Region,
		"endpoint":          c.Endpoint,
		"network":           string(c.Network),
		"ca_cert":           c.CACert,
		"access_key":        c.AccessKey,
		"use_environment":   c.UseEnvironment,
		"role_arn":          c.RoleARN,
		"role_session_name": c.RoleSessionName,
		"role_external_id":  c.RoleExternalID,
		"sts_endpoint":      c.STSEndpoint,
		"max_retries":       c.MaxRetries,
		"request_timeout":   c.RequestTimeout,
		"max_parallel":      c.MaxParallel,

		"kms_instance_id":          c.Instance.ID,
		"gateway":                  c.Instance.Gateway,
		"instance_endpoint":        c.Instance.Endpoint,
		"instance_tls_server_name": c.Instance.TLSServerName,
		"instance_ca_cert":         c.Instance.CACert,
	}}, nil
}

func (b *backend) configDelete(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return nil, err
	}
	defer release()
	defer b.connections.Forget(configPath)
	return nil, req.Storage.Delete(ctx, configPath)
}
