package server

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"

// The blocks of a service's configuration file. docs/kms-configuration.md shows every field.
type (
	// Config is a whole configuration. [Config.Validate] checks it.
	Config = config.Config
	// Listener is where the service listens.
	Listener = config.Listener
	// StorageConfig is where the service keeps its data.
	StorageConfig = config.Storage
	// EtcdConfig is where the nodes of a cluster keep their data.
	EtcdConfig = config.Etcd
	// ClusterConfig is how the nodes of a cluster reach and trust each other.
	ClusterConfig = config.Cluster
	// RootKeyConfig is the location of the key that wraps all others.
	RootKeyConfig = config.RootKey
	// Account owns keys.
	Account = config.Account
	// AccessKey is a key with which a program signs its requests.
	AccessKey = config.AccessKey
	// Instance is a KMS instance, with a dedicated gateway.
	Instance = config.Instance
	// Allow is a permission of an access key.
	Allow = config.Allow
	// AuditConfig is where audit lines go.
	AuditConfig = config.Audit
	// Limits bound what a request may take.
	Limits = config.Limits
	// Quotas bound what an account may have in a region.
	Quotas = config.Quotas
	// RateLimits bound the requests of an account in a region.
	RateLimits = config.RateLimits
	// Rotation bounds how often keys get new versions.
	Rotation = config.Rotation
	// OpsConfig is what the service offers to its operators.
	OpsConfig = config.Ops
)

// The kinds of KMS instances.
const (
	KindSoftware = config.KindSoftware
	KindHardware = config.KindHardware
)

// Unlimited is the value of a quota or rate limit that limits nothing.
const Unlimited = config.Unlimited

// LoadConfig reads a configuration file in HCL and validates it. Errors name the file, the line and the field. Relative
// paths in it are relative to its folder.
func LoadConfig(path string) (Config, error) { return config.Load(path) }
