package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
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
Configure the engine. A later write keeps the fields that it does not give, except that a new access_key, endpoint,
ca_cert, sts_endpoint, ram_endpoint, role_arn or gateway, or another address or CA of the dedicated gateway, requires
the secret_key again and drops the security_token. Nothing is stored unless KMS accepts the credentials, on both
gateways if there are two.

    vault write alicloudkms/config region=cn-hangzhou access_key=LTAI... secret_key=@FILE
    vault write alicloudkms/config network=vpc max_parallel=64
    vault patch alicloudkms/config max_parallel=32
    vault patch alicloudkms/config cache_ttl=5m
    vault write alicloudkms/config role_arn=acs:ram::1000000000000001:role/vault secret_key=...
    vault write alicloudkms/config region=cn-hangzhou use_environment=true
    vault write alicloudkms/config endpoint=kms.example.com:8443 ca_cert=@ca.pem secret_key=...
    vault write alicloudkms/config kms_instance_id=kst-hzz62f1cb66fa42qo7p3x
    vault write alicloudkms/config kms_instance_id=kst-hzz62f1cb66fa42qo7p3x gateway=dedicated secret_key=...
    vault read alicloudkms/config

An access_key is always used if there is one. Without it, use_environment=true takes the credentials of the
Vault server: its environment variables, OIDC role, profile, credentials file or ECS RAM role. A role_arn is
assumed on top of either. Sessions are renewed before they end.

New keys are made in the KMS instance kms_instance_id. With gateway=dedicated, requests that use its keys go to
the instance's own gateway, and management requests to the shared one. The dedicated gateway's certificate is signed
by a private CA, which is read from KMS (kms:GetKmsInstance) unless instance_ca_cert gives it.

Secrets are never shown. The RAM user needs kms:DescribeRegions, unless verify=false is given, and
the permissions for whatever the engine is used for.
`,
	}}
}

func (b *backend) configExists(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
	stored, err := req.Storage.Get(ctx, configPath)
	return stored != nil, err
}

func (b *backend) configWrite(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	return b.changeConfig(ctx, req, d, func() (*config, error) { return newConfig(), nil })
}

// configPatch is a write to an existing configuration. A null resets a field to its default.
func (b *backend) configPatch(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	return b.changeConfig(ctx, req, d, func() (*config, error) {
		return nil, refusal.NotFound("%s", notConfigured(req))
	})
}

// changeConfig changes the stored configuration, or the one that initial returns if none is stored.
func (b *backend) changeConfig(
	ctx context.Context, req *logical.Request, d *framework.FieldData, initial func() (*config, error),
) (*logical.Response, error) {
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := loadConfig(ctx, req.Storage)
	stored := c != nil
	if err == nil && !stored {
		c, err = initial()
	}
	if err != nil {
		return nil, err
	}
	before := c.madeHere()
	if err := c.update(d); err != nil {
		return nil, unchanged(err, req, stored)
	}
	if err := b.completeConfig(ctx, c, d.Get("verify").(bool)); err != nil {
		return nil, unchanged(c.doubtRegion(err), req, stored)
	}
	if err := b.storeConfig(ctx, req.Storage, c); err != nil {
		return nil, err
	}
	b.Logger().Info("the configuration was changed", "region", c.Region, "endpoint", c.Endpoint, "network", c.Network,
		"use_environment", c.UseEnvironment, "role_arn", c.RoleARN,
		"kms_instance_id", c.Instance.ID, "gateway", c.Instance.Gateway)
	return c.warnOfAbandoned(c.warnOfRegion(), before), nil
}

// unchanged adds to the error of a write that the write changed nothing, and what is stored.
func unchanged(err error, req *logical.Request, stored bool) error {
	done := "Nothing was stored."
	if stored {
		done = "Nothing was changed; what is stored: vault read " + mount(req) + configPath
	}
	return refusal.Also(withProgress(err, done), done)
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
		"ram_endpoint":      c.RAMEndpoint,
		"max_retries":       c.MaxRetries,
		"request_timeout":   c.RequestTimeout,
		"max_parallel":      c.MaxParallel,
		"cache_ttl":         c.CacheTTL,

		"pending_access_key":  c.Rotation.Pending.ID,
		"retiring_access_key": c.Rotation.Retiring.ID,
		"retiring_since":      c.Rotation.Retiring.since(),

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
	defer b.forgetConnection()
	c, err := loadConfig(ctx, req.Storage)
	if err != nil || c == nil { // A damaged configuration can be deleted too.
		c = newConfig()
	}
	if err := req.Storage.Delete(ctx, configPath); err != nil {
		return nil, err
	}
	return newConfig().warnOfAbandoned(nil, c.madeHere()), nil
}
