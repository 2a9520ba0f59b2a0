package credentials

import (
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
)

// Config is where credentials come from.
type Config struct {
	// Static is used if it has an access key id.
	Static client.Static
	// UseEnvironment allows the sources that the package comment lists, if Static has no access key id.
	UseEnvironment bool
	// Role is assumed with these credentials, if it has an ARN.
	Role Role

	// Clock returns the time. Nil means [time.Now].
	Clock func() time.Time `json:"-"`
}

var errNoCredentials = unusable("Static", "has no access key, and UseEnvironment is false")

// unusable is an error about a field of a [Config]. format and args end a sentence that begins with the field.
func unusable(field, format string, args ...any) error {
	return &client.ConfigError{Field: field, Err: fmt.Errorf(format, args...)}
}

// New returns a provider for cfg, which is safe for concurrent use and needs no closing. New does no I/O. Its errors
// are of type [*client.ConfigError], whose Field is a field of Config, such as "Role.ARN".
func New(cfg Config) (client.Provider, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	base, err := cfg.base()
	if err != nil || cfg.Role.ARN == "" {
		return base, err
	}
	role, err := newRole(cfg.Role, base, cfg.Clock)
	if err != nil {
		return nil, err
	}
	return newCache("the role "+cfg.Role.ARN, role.fetch, cfg.Clock), nil
}

func (cfg Config) base() (client.Provider, error) {
	switch {
	case cfg.Static.AccessKeyID != "":
		return cfg.Static, nil
	case cfg.UseEnvironment:
		return newCache("the environment", newChain(cfg.Clock).fetch, cfg.Clock), nil
	default:
		return nil, errNoCredentials
	}
}
