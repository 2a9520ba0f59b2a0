package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// configPath is both the path and the storage key of the configuration.
const configPath = "config"

func (b *backend) configPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:        configPath,
		DisplayAttrs:   &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Fields:         configFields,
		ExistenceCheck: b.configExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.CreateOperation: writes(b.configWrite, "configure", "", nil),
			logical.UpdateOperation: writes(b.configWrite, "configure", "", nil),
			logical.ReadOperation:   reads(b.configRead, "read", "configuration", configAnswer),
			logical.DeleteOperation: writes(b.configDelete, "delete", "configuration", nil),
		},
		HelpSynopsis: "How the engine reaches Alibaba Cloud KMS.",
		HelpDescription: `
Configure the engine. What a later write does not mention stays as it is, except that a new access_key or
endpoint needs the secret_key again and ends the security_token. Nothing is stored unless KMS accepts
the credentials.

    vault write alicloudkms/config region=cn-hangzhou access_key=LTAI... secret_key=...
    vault write alicloudkms/config network=vpc max_parallel=64
    vault write alicloudkms/config endpoint=kms.example.com:8443 ca_cert=@ca.pem secret_key=...
    vault read alicloudkms/config

Secrets are never shown. The RAM user needs kms:DescribeRegions, unless verify=false is given, and
the permissions for whatever the engine is used for.
`,
	}}
}

var configFields = map[string]*framework.FieldSchema{
	"region": {
		Type:        framework.TypeString,
		Description: "The region of the CMKs, such as cn-hangzhou. Required.",
	},
	"endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of KMS, if it is not the region's own: a dedicated instance or a local service. Empty: the region's.",
	},
	"network": {
		Type:          framework.TypeString,
		Description:   "From where KMS is called: public (default) or vpc.",
		AllowedValues: []any{string(kmsapi.NetworkPublic), string(kmsapi.NetworkVPC)},
	},
	"ca_cert": {
		Type:        framework.TypeString,
		Description: "CA certificates in PEM that KMS's certificate must be signed by. Empty: the system's.",
	},
	"access_key": {
		Type:        framework.TypeString,
		Description: "The access key id. Required.",
	},
	"secret_key": {
		Type:         framework.TypeString,
		Description:  "The access key's secret. Required. Never shown.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
	},
	"security_token": {
		Type:         framework.TypeString,
		Description:  "The token that goes with temporary credentials from STS. Never shown.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
	},
	"max_retries": {
		Type:        framework.TypeInt,
		Description: "How often a failed call is tried again, 0 to 10.",
		Default:     defaultMaxRetries,
	},
	"request_timeout": {
		Type:        framework.TypeDurationSecond,
		Description: "How long one attempt of a call may take, 1 second to 5 minutes.",
		Default:     int(defaultRequestTimeout.Seconds()),
	},
	"max_parallel": {
		Type:        framework.TypeInt,
		Description: "How many calls to KMS this mount makes at one time; more wait. 0 (default): no bound.",
	},
	"verify": {
		Type:        framework.TypeBool,
		Description: "Call KMS with the new configuration before it is stored. It is not stored itself.",
		Default:     true,
	},
}

var configAnswer = map[string]*framework.FieldSchema{
	"region":          {Type: framework.TypeString},
	"endpoint":        {Type: framework.TypeString},
	"network":         {Type: framework.TypeString},
	"ca_cert":         {Type: framework.TypeString},
	"access_key":      {Type: framework.TypeString},
	"max_retries":     {Type: framework.TypeInt},
	"request_timeout": {Type: framework.TypeInt, Description: "In seconds."},
	"max_parallel":    {Type: framework.TypeInt},
}

func (b *backend) configExists(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
	stored, err := req.Storage.Get(ctx, configPath)
	return stored != nil, err
}

func (b *backend) configWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := loadConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = newConfig()
	}
	if err := c.update(d); err != nil {
		return nil, err
	}
	if err := b.tryConfig(ctx, c, d.Get("verify").(bool)); err != nil {
		return nil, err
	}
	if err := b.storeConfig(ctx, req.Storage, c); err != nil {
		return nil, err
	}
	b.Logger().Info("the configuration has changed", "region", c.Region, "endpoint", c.Endpoint, "network", c.Network)
	return nil, nil
}

// tryConfig finds out whether c can work, and whether KMS accepts it if verify is true.
func (b *backend) tryConfig(ctx context.Context, c *config, verify bool) error {
	conn, err := b.connect(c)
	if err != nil {
		return err
	}
	defer conn.close()
	if !verify {
		return nil
	}
	_, err = call(ctx, conn, kms.DescribeRegions, &kmsapi.DescribeRegionsRequest{})
	return err
}

func (b *backend) configRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	c, err := loadConfig(ctx, req.Storage)
	if err != nil || c == nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"region":          c.Region,
		"endpoint":        c.Endpoint,
		"network":         string(c.Network),
		"ca_cert":         c.CACert,
		"access_key":      c.AccessKey,
		"max_retries":     c.MaxRetries,
		"request_timeout": c.RequestTimeout,
		"max_parallel":    c.MaxParallel,
	}}, nil
}

func (b *backend) configDelete(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return nil, err
	}
	defer release()
	defer b.connections.forget(configPath)
	return nil, req.Storage.Delete(ctx, configPath)
}
