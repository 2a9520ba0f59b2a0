package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Config is the service's configuration, as it stands in the file that `alicloudkms server -config` reads. An unknown
// field is an error that names it and its line. docs/kms-service.md shows every field.
type Config struct {
	// DefaultRegion is the region of requests that name none; "" means [kmsapi.DefaultRegion].
	DefaultRegion string `hcl:"default_region,optional"`
	// Regions that the service works in; none means all of the API reference.
	Regions []string `hcl:"regions,optional"`

	Listener Listener      `hcl:"listener,block"`
	Storage  StorageConfig `hcl:"storage,block"`
	RootKey  RootKeyConfig `hcl:"root_key,block"`
	Accounts []Account     `hcl:"account,block"`
	Audit    *AuditConfig  `hcl:"audit,block"`
	Limits   *Limits       `hcl:"limits,block"`
	// Quotas and RateLimits are those of the real service, unless they are changed here.
	Quotas     *Quotas           `hcl:"quotas,block"`
	RateLimits *RateLimits       `hcl:"rate_limits,block"`
	Operations *OperationsConfig `hcl:"operations,block"`
}

// Listener is where the service listens.
type Listener struct {
	// Address is host:port; port 0 lets the kernel choose.
	Address string `hcl:"address"`
	// TLSCertFile and TLSKeyFile are PEM files: the certificate with its chain, and its key.
	TLSCertFile string `hcl:"tls_cert_file,optional"`
	TLSKeyFile  string `hcl:"tls_key_file,optional"`
	// PlainHTTP serves without TLS. Plaintexts then cross the network in clear.
	PlainHTTP bool `hcl:"plain_http,optional"`
}

// StorageConfig is where the service keeps its data.
type StorageConfig struct {
	// Path of the database file. Its directory must exist.
	Path string `hcl:"path"`
}

// RootKeyConfig is where the key that wraps all others comes from.
type RootKeyConfig struct {
	// File holds 32 random bytes in base64 and may be read by its owner only.
	File string `hcl:"file"`
}

// AuditConfig is where audit lines go. Without it there are none.
type AuditConfig struct {
	// File is appended to, one JSON object a line.
	File string `hcl:"file"`
}

// LoadConfig reads a configuration file in HCL and checks it. Errors name the file, the line and the field.
func LoadConfig(path string) (Config, error) {
	var c Config
	source, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	file, problems := hclparse.NewParser().ParseHCL(source, path)
	if !problems.HasErrors() {
		problems = gohcl.DecodeBody(file.Body, nil, &c)
	}
	if problems.HasErrors() {
		return c, errors.Join(problems.Errs()...)
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Validate checks c without opening any file.
func (c Config) Validate() error {
	return errors.Join(c.validateRegions(), c.Listener.validate(), c.validateAccounts(),
		c.Limits.validate(), c.Quotas.validate(), c.RateLimits.validate(), c.validateOperations())
}

func (c Config) validateRegions() error {
	for _, id := range append(slices.Clone(c.Regions), c.defaultRegion()) {
		if _, ok := kmsapi.FindRegion(id); !ok {
			return fmt.Errorf("region %q is not in the API reference", id)
		}
	}
	if len(c.Regions) > 0 && !slices.Contains(c.Regions, c.defaultRegion()) {
		return fmt.Errorf("default_region %q is not among regions", c.defaultRegion())
	}
	return nil
}

func (l Listener) validate() error {
	if _, _, err := net.SplitHostPort(l.Address); err != nil {
		return fmt.Errorf("listener: address %q is not host:port", l.Address)
	}
	hasTLS := l.TLSCertFile != "" && l.TLSKeyFile != ""
	switch {
	case l.PlainHTTP && (l.TLSCertFile != "" || l.TLSKeyFile != ""):
		return errors.New("listener: plain_http and TLS files exclude each other")
	case !l.PlainHTTP && !hasTLS:
		return errors.New("listener: give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear")
	}
	return nil
}

func (c Config) defaultRegion() string {
	if c.DefaultRegion != "" {
		return c.DefaultRegion
	}
	return kmsapi.DefaultRegion
}

// regionSet returns the regions that the service works in.
func (c Config) regionSet() map[string]bool {
	set := map[string]bool{}
	for _, id := range c.Regions {
		set[id] = true
	}
	if len(set) == 0 {
		for _, r := range kmsapi.Regions() {
			set[r.ID] = true
		}
	}
	return set
}
