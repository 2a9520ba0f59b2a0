package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

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

// Account is an Alibaba Cloud account, which owns keys.
type Account struct {
	// ID is the account's number.
	ID         string      `hcl:"id,label"`
	AccessKeys []AccessKey `hcl:"access_key,block"`
}

// AccessKey is what a program signs its requests with.
type AccessKey struct {
	ID string `hcl:"id,label"`
	// Secret or SecretFile, not both. A file is better: it can be 0600 while this file is not.
	Secret     string `hcl:"secret,optional"`
	SecretFile string `hcl:"secret_file,optional"`
	// Inactive access keys are refused with Forbidden.AccessKey.
	Inactive bool `hcl:"inactive,optional"`
}

// AuditConfig is where audit lines go. Without it there are none.
type AuditConfig struct {
	// File is appended to, one JSON object a line.
	File string `hcl:"file"`
}

// Limits bound what a request may take. Zero values mean the defaults.
type Limits struct {
	// TimestampWindow is how far a request's timestamp may be from the service's clock; "" means "15m".
	TimestampWindow string `hcl:"timestamp_window,optional"`
	// MaxRequestBytes bounds header and body, each; 0 means 256 KiB.
	MaxRequestBytes int `hcl:"max_request_bytes,optional"`
	// MaxNonces bounds the memory of nonces; 0 means 2,000,000, about 1,000 requests a second with the default window.
	MaxNonces int `hcl:"max_nonces,optional"`
}

// The defaults of [Limits].
const (
	DefaultTimestampWindow = 15 * time.Minute
	DefaultMaxRequestBytes = 256 << 10
	DefaultMaxNonces       = 2_000_000
)

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
	return errors.Join(c.validateRegions(), c.Listener.validate(), c.validateAccounts(), c.validateLimits())
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

func (c Config) validateAccounts() error {
	if len(c.Accounts) == 0 {
		return errors.New(`there is no account; add: account "1000000000000001" { access_key "…" { secret_file = "…" } }`)
	}
	accounts, keys := map[string]bool{}, map[string]bool{}
	for _, a := range c.Accounts {
		if a.ID == "" || strings.Trim(a.ID, "0123456789") != "" {
			return fmt.Errorf("account %q: an account's id is a number", a.ID)
		}
		if accounts[a.ID] {
			return fmt.Errorf("account %q stands there twice", a.ID)
		}
		accounts[a.ID] = true
		for _, k := range a.AccessKeys {
			if err := k.validate(); err != nil {
				return fmt.Errorf("account %q: access_key %q: %w", a.ID, k.ID, err)
			}
			if keys[k.ID] {
				return fmt.Errorf("access_key %q stands there twice", k.ID)
			}
			keys[k.ID] = true
		}
	}
	return nil
}

func (k AccessKey) validate() error {
	switch {
	case k.ID == "":
		return errors.New("its id is empty")
	case (k.Secret == "") == (k.SecretFile == ""):
		return errors.New("give secret_file or secret, one of them")
	}
	return nil
}

func (c Config) validateLimits() error {
	if c.Limits == nil {
		return nil
	}
	if c.Limits.MaxRequestBytes < 0 || c.Limits.MaxNonces < 0 {
		return errors.New("limits: a limit can't be negative")
	}
	window, err := c.timestampWindow()
	if err != nil || window < time.Second || window > 24*time.Hour {
		return fmt.Errorf("limits: timestamp_window %q is not a duration from 1s to 24h, such as \"15m\"", c.Limits.TimestampWindow)
	}
	return nil
}

func (c Config) defaultRegion() string {
	if c.DefaultRegion != "" {
		return c.DefaultRegion
	}
	return kmsapi.DefaultRegion
}

func (c Config) timestampWindow() (time.Duration, error) {
	if c.Limits == nil || c.Limits.TimestampWindow == "" {
		return DefaultTimestampWindow, nil
	}
	return time.ParseDuration(c.Limits.TimestampWindow)
}

func (c Config) maxRequestBytes() int {
	if c.Limits == nil || c.Limits.MaxRequestBytes == 0 {
		return DefaultMaxRequestBytes
	}
	return c.Limits.MaxRequestBytes
}

func (c Config) maxNonces() int {
	if c.Limits == nil || c.Limits.MaxNonces == 0 {
		return DefaultMaxNonces
	}
	return c.Limits.MaxNonces
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
