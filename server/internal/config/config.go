package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Config is the whole configuration, as `alicloudkms server -config` reads it. An unknown field is an error that names
// it and its line.
type Config struct {
	// DefaultRegion is the region of requests that name none; "" means [kmsapi.DefaultRegion].
	DefaultRegion string `hcl:"default_region,optional"`
	// Regions that the service works in; none means all of the API reference.
	Regions []string `hcl:"regions,optional"`

	// StrictDefaultKeys does with CreateKey what Alibaba Cloud does today: without a KMS instance it enables the account's
	// one default key, with which nothing can be encrypted or decrypted.
	StrictDefaultKeys bool `hcl:"strict_default_keys,optional"`

	Listener Listener  `hcl:"listener,block"`
	Storage  Storage   `hcl:"storage,block"`
	RootKey  RootKey   `hcl:"root_key,block"`
	Accounts []Account `hcl:"account,block"`
	// Instances are KMS instances. An account needs none.
	Instances []Instance `hcl:"instance,block"`
	Audit     *Audit     `hcl:"audit,block"`
	Limits    *Limits    `hcl:"limits,block"`
	// Quotas and RateLimits are those of the real service, unless they are changed here.
	Quotas     *Quotas     `hcl:"quotas,block"`
	RateLimits *RateLimits `hcl:"rate_limits,block"`
	// Ops is nil for a service without a backup socket, metrics and health.
	Ops *Ops `hcl:"operations,block"`
}

// Listener is where the service listens.
type Listener struct {
	// Address is host:port; port 0 lets the kernel choose.
	Address string `hcl:"address"`
	// TLSCertFile and TLSKeyFile are PEM files: the certificate with its chain, and its key.
	TLSCertFile string `hcl:"tls_cert_file,optional"`
	TLSKeyFile  string `hcl:"tls_key_file,optional"`
	// TLSMaxVersion is "1.2" for a listener without TLS 1.3, as dedicated gateways are; "" means the newest.
	TLSMaxVersion string `hcl:"tls_max_version,optional"`
	// PlainHTTP serves without TLS. Plaintexts then cross the network in clear.
	PlainHTTP bool `hcl:"plain_http,optional"`
}

// Storage is where the service keeps its data.
type Storage struct {
	// Path of the database file. Its directory must exist.
	Path string `hcl:"path"`
}

// RootKey is where the key that wraps all others comes from.
type RootKey struct {
	// File holds 32 random bytes in base64. Only its owner may have permission to read it.
	File string `hcl:"file"`
}

// Audit is where audit lines go. Without it there are none.
type Audit struct {
	// File is appended to, one JSON object a line.
	File string `hcl:"file"`
}

// Load reads a configuration file in HCL and validates it. Errors name the file, the line and the field. Relative paths
// in it are relative to its folder.
func Load(path string) (Config, error) {
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
	c.resolve(filepath.Dir(path))
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Validate checks c without opening any file.
func (c Config) Validate() error {
	return errors.Join(c.validateRegions(), c.Listener.validate(), c.validateAccounts(), c.validateInstances(),
		c.Limits.validate(), c.Quotas.validate(), c.RateLimits.validate(), c.validateOps())
}

const tls12 = "1.2"

// MaxVersion is the newest version of TLS that the listener speaks; 0 means the newest of all.
func (l Listener) MaxVersion() uint16 {
	if l.TLSMaxVersion == tls12 {
		return tls.VersionTLS12
	}
	return 0
}

func (l Listener) validate() error {
	if _, _, err := net.SplitHostPort(l.Address); err != nil {
		return fmt.Errorf("listener: address %q is not host:port", l.Address)
	}
	hasTLS := l.TLSCertFile != "" && l.TLSKeyFile != ""
	switch {
	case l.TLSMaxVersion != "" && l.TLSMaxVersion != tls12:
		return fmt.Errorf("listener: tls_max_version %q is not %q; leave it out for the newest", l.TLSMaxVersion, tls12)
	case l.PlainHTTP && (l.TLSCertFile != "" || l.TLSKeyFile != ""):
		return errors.New("listener: plain_http and TLS files exclude each other")
	case !l.PlainHTTP && !hasTLS:
		return errors.New("listener: give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear")
	}
	return nil
}

func (c Config) validateRegions() error {
	for _, id := range append(slices.Clone(c.Regions), c.HomeRegion()) {
		if _, ok := kmsapi.FindRegion(id); !ok {
			return fmt.Errorf("region %.64q is not in the API reference; %s", id, kmsapi.SuggestRegion(id, nil))
		}
	}
	if len(c.Regions) > 0 && !slices.Contains(c.Regions, c.HomeRegion()) {
		return fmt.Errorf("default_region %q is not among regions; %s", c.HomeRegion(),
			kmsapi.SuggestRegion(c.HomeRegion(), c.Regions))
	}
	return nil
}

// HomeRegion is DefaultRegion, or its default.
func (c Config) HomeRegion() string {
	if c.DefaultRegion != "" {
		return c.DefaultRegion
	}
	return kmsapi.DefaultRegion
}

// ServedRegions returns the regions that the service works in.
func (c Config) ServedRegions() map[string]bool {
	served := map[string]bool{}
	for _, id := range c.Regions {
		served[id] = true
	}
	if len(served) == 0 {
		for _, r := range kmsapi.Regions() {
			served[r.ID] = true
		}
	}
	return served
}
