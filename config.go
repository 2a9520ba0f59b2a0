package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	defaultMaxRetries     = 3
	maxMaxRetries         = 10
	defaultRequestTimeout = 10 * time.Second
	maxRequestTimeout     = 5 * time.Minute
	maxMaxParallel        = 10_000
	defaultCacheTTL       = time.Minute
	maxCacheTTL           = time.Hour
)

// A config is what the engine stores about KMS, as JSON under configPath, seal-wrapped.
type config struct {
	Region        string         `json:"region"`
	Endpoint      string         `json:"endpoint"`
	Network       kmsapi.Network `json:"network"`
	CACert        string         `json:"ca_cert"`
	AccessKey     string         `json:"access_key"`
	SecretKey     kmsapi.Secret  `json:"secret_key"`
	SecurityToken kmsapi.Secret  `json:"security_token"`
	// UseEnvironment allows the credentials from the Vault server's environment if there is no access key.
	UseEnvironment bool `json:"use_environment"`
	// RoleARN names a role to assume with either kind of credentials; the next three fields belong to it.
	RoleARN         string `json:"role_arn"`
	RoleSessionName string `json:"role_session_name"`
	RoleExternalID  string `json:"role_external_id"`
	STSEndpoint     string `json:"sts_endpoint"`
	// RAMEndpoint is where config/rotate-root calls RAM.
	RAMEndpoint string `json:"ram_endpoint"`
	MaxRetries  int    `json:"max_retries"`
	// RequestTimeout is in seconds.
	RequestTimeout int `json:"request_timeout"`
	MaxParallel    int `json:"max_parallel"`
	// CacheTTL is how long an unwrapped data key is used, in seconds.
	CacheTTL int            `json:"cache_ttl"`
	Instance instanceConfig `json:"instance"`
	Rotation rotation       `json:"rotation"`
}

func newConfig() *config {
	return &config{
		Network:        kmsapi.NetworkPublic,
		MaxRetries:     defaultMaxRetries,
		RequestTimeout: int(defaultRequestTimeout.Seconds()),
		CacheTTL:       int(defaultCacheTTL.Seconds()),
		Instance:       instanceConfig{Gateway: gatewayShared},
	}
}

// loadConfig reads the stored configuration, and returns nil if there is none.
func loadConfig(ctx context.Context, s logical.Storage) (*config, error) {
	stored, err := s.Get(ctx, configPath)
	if err != nil || stored == nil {
		return nil, err
	}
	c := newConfig()
	if err := stored.DecodeJSON(c); err != nil {
		return nil, fmt.Errorf("the stored configuration is damaged: %w", err)
	}
	return c, nil
}

// storeConfig writes c. The connection is dropped even if that fails, because what was stored is then unknown.
func (b *backend) storeConfig(ctx context.Context, s logical.Storage, c *config) error {
	defer b.forgetConnection()
	open := *c
	open.SecretKey, open.SecurityToken = c.SecretKey.ForWire(), c.SecurityToken.ForWire()
	open.Rotation = c.Rotation.forWire()
	stored, err := logical.StorageEntryJSON(configPath, open)
	if err != nil {
		return err
	}
	return s.Put(ctx, stored)
}

// update takes the fields that d has, and checks the result.
func (c *config) update(d *framework.FieldData) error {
	set(d, "region", &c.Region)
	set(d, "network", (*string)(&c.Network))
	c.updateCredentials(d)
	set(d, "max_retries", &c.MaxRetries)
	set(d, "request_timeout", &c.RequestTimeout)
	set(d, "max_parallel", &c.MaxParallel)
	set(d, "cache_ttl", &c.CacheTTL)
	return c.check()
}

// check finds what the client does not: the client checks region, endpoint and CA itself.
func (c *config) check() error {
	longest := int(maxRequestTimeout.Seconds())
	switch {
	case c.Region == "":
		return refusal.BadRequest("region is required, for example region=cn-hangzhou")
	case c.Network != kmsapi.NetworkPublic && c.Network != kmsapi.NetworkVPC:
		return refusal.BadRequest("network must be public or vpc")
	case c.MaxRetries < 0 || c.MaxRetries > maxMaxRetries:
		return refusal.BadRequest("max_retries must be 0 to %d", maxMaxRetries)
	case c.RequestTimeout < 1 || c.RequestTimeout > longest:
		return refusal.BadRequest("request_timeout must be 1 to %d seconds", longest)
	case c.CacheTTL < 0 || c.CacheTTL > int(maxCacheTTL.Seconds()):
		return refusal.BadRequest("cache_ttl must be 0 to %d seconds", int(maxCacheTTL.Seconds()))
	case c.MaxParallel < 0 || c.MaxParallel > maxMaxParallel:
		return refusal.BadRequest("max_parallel must be 0 to %d", maxMaxParallel)
	}
	if err := c.Instance.check(); err != nil {
		return err
	}
	return c.checkCredentials()
}

// client returns the client's configuration. It does no I/O.
func (c *config) client() (client.Config, error) {
	provider, err := c.credentials()
	if err != nil {
		return client.Config{}, err
	}
	if c.RAMEndpoint != "" {
		if _, err := client.ParseEndpoint(c.RAMEndpoint); err != nil {
			return client.Config{}, &client.ConfigError{Field: "RAMEndpoint", Err: err}
		}
	}
	retries := c.MaxRetries
	if retries == 0 {
		retries = -1 // The client's 0 means its default.
	}
	return client.Config{
		Region:         c.Region,
		Network:        c.Network,
		Endpoint:       c.Endpoint,
		CACert:         c.CACert,
		Credentials:    provider,
		MaxRetries:     retries,
		RequestTimeout: time.Duration(c.RequestTimeout) * time.Second,
		Instances:      c.Instance.client(),
		UserAgent:      fmt.Sprintf("vault-plugin-secrets-alicloudkms/%s (%s; %s)", Version, runtime.GOOS, runtime.GOARCH),
	}, nil
}

// fieldOf maps the fields of [client.Config] and [credentials.Config] to the engine's, and instanceFieldOf those of
// [client.Instance].
var (
	fieldOf = map[string]string{
		"Region": "region", "Network": "network", "Endpoint": "endpoint", "CACert": "ca_cert",
		"Role.ARN": "role_arn", "Role.SessionName": "role_session_name", "Role.ExternalID": "role_external_id",
		"Role.Endpoint": "sts_endpoint", "Role.Region": "region", "Role.CACert": "ca_cert", "RAMEndpoint": "ram_endpoint",
	}
	instanceFieldOf = map[string]string{
		"Endpoint": "instance_endpoint", "CACert": "instance_ca_cert", "TLSServerName": "instance_tls_server_name",
	}
)

// invalid turns an error of package client or credentials about a configuration into one with the engine's field names.
func (c *config) invalid(err error) error {
	wrong, ok := errors.AsType[*client.ConfigError](err)
	if !ok {
		return refusal.BadRequest("the configuration is not valid: %s", err)
	}
	name := fieldOf[wrong.Field]
	if wrong.Instance != "" {
		name = instanceFieldOf[wrong.Field]
	}
	if name == "" {
		return refusal.BadRequest("the configuration is not valid: %s", err)
	}
	certs := map[string]string{"ca_cert": c.CACert, "instance_ca_cert": c.Instance.CACert}
	return refusal.BadRequest("the configuration is not valid: %s %s%s",
		name, wrong.Err, fields.FileHint(name, certs[name]))
}

// set copies a field that the caller gave.
func set[T any](d *framework.FieldData, name string, field *T) {
	if value, ok := d.GetOk(name); ok {
		*field = value.(T)
	}
}

// setSecret is set for a secret.
func setSecret(d *framework.FieldData, name string, field *kmsapi.Secret) {
	if value, ok := d.GetOk(name); ok {
		*field = kmsapi.NewSecret(value.(string))
	}
}
