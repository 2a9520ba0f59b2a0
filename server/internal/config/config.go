package config

import (
	"crypto/tls"
	"fmt"
	"net"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Config is the whole configuration, as read by `alicloudkms server -config`. An unknown field is an error that names
// it and its line.
type Config struct {
	// DefaultRegion is the region of requests that name none; "" means [kmsapi.DefaultRegion].
	DefaultRegion string `hcl:"default_region,optional"`
	// Regions are the regions that the service works in; none means all regions of the API reference.
	Regions []string `hcl:"regions,optional"`

	// StrictDefaultKeys makes CreateKey work as Alibaba Cloud's does now: without a KMS instance it enables the
	// account's only default key, which can't encrypt or decrypt for its owner.
	StrictDefaultKeys bool `hcl:"strict_default_keys,optional"`

	// FIPS starts the service only if Go's FIPS 140-3 module is on, and refuses what the standard does not approve.
	FIPS bool `hcl:"fips,optional"`

	// SM serves SM2 key pairs and SM4 keys. The program must be built with the code for them.
	SM bool `hcl:"sm,optional"`

	Listener Listener `hcl:"listener,block"`
	// Storage or Etcd is set, not both. A Storage without a path counts as not set.
	Storage Storage `hcl:"storage,block"`
	Etcd    *Etcd   `hcl:"etcd,block"`
	// Cluster is nil unless Etcd is set.
	Cluster  *Cluster  `hcl:"cluster,block"`
	RootKey  RootKey   `hcl:"root_key,block"`
	Accounts []Account `hcl:"account,block"`
	// Instances are KMS instances. An account needs none.
	Instances []Instance `hcl:"instance,block"`
	Audit     *Audit     `hcl:"audit,block"`
	Limits    *Limits    `hcl:"limits,block"`
	// Quotas and RateLimits default to those of the real service.
	Quotas     *Quotas     `hcl:"quotas,block"`
	RateLimits *RateLimits `hcl:"rate_limits,block"`
	// Rotation is nil to allow new versions at any time, and the rotation intervals of the API reference.
	Rotation *Rotation `hcl:"rotation,block"`
	// Ops is nil for a service without a backup socket, metrics and health.
	Ops *Ops `hcl:"operations,block"`

	// place is the place of the whole file. It is zero if the configuration was not read from a file.
	place Place
}

// Listener is where the service listens.
type Listener struct {
	// Address is host:port; port 0 lets the kernel choose.
	Address string `hcl:"address"`
	// TLSCertFile and TLSKeyFile are PEM files: the certificate with its chain, and its key.
	TLSCertFile string `hcl:"tls_cert_file,optional"`
	TLSKeyFile  string `hcl:"tls_key_file,optional"`
	// TLSMaxVersion is "1.2" for a listener without TLS 1.3, like Alibaba Cloud's dedicated gateways; "" means the
	// newest.
	TLSMaxVersion string `hcl:"tls_max_version,optional"`
	// PlainHTTP serves without TLS. Plaintexts then cross the network unencrypted.
	PlainHTTP bool `hcl:"plain_http,optional"`
}

// Storage is where the service keeps its data.
type Storage struct {
	// Path is the path of the database file. Its directory must exist.
	Path string `hcl:"path"`
}

// RootKey is the source of the key that wraps all others.
type RootKey struct {
	// File holds 32 random bytes in base64. Only its owner may have permission to read it.
	File string `hcl:"file"`
}

// Audit is where audit lines are written. Without it there are none.
type Audit struct {
	// File is the file that lines are appended to, one JSON object each.
	File string `hcl:"file"`
}

// Validate checks c without opening any file. It reports all faults at once, each as a [Fault].
func (c Config) Validate() error {
	var found faults
	at := c.Place()
	c.validateRegions(at, &found)
	c.Listener.validate(at.Block("listener", 0, ""), &found)
	c.validateStore(at, &found)
	c.validateAccounts(at, &found)
	c.validateInstances(at, &found)
	c.Limits.validate(at.Block("limits", 0, ""), &found)
	c.Quotas.validate(at.Block("quotas", 0, ""), &found)
	c.RateLimits.validate(at.Block("rate_limits", 0, ""), &found)
	c.Rotation.validate(at.Block("rotation", 0, ""), &found)
	c.validateOps(at.Block("operations", 0, ""), &found)
	return found.err()
}

const tls12 = "1.2"

// MaxVersion returns the newest version of TLS that the listener speaks; 0 means the newest of all.
func (l Listener) MaxVersion() uint16 {
	if l.TLSMaxVersion == tls12 {
		return tls.VersionTLS12
	}
	return 0
}

func (l Listener) validate(at Place, found *faults) {
	if !isHostPort(l.Address) {
		found.add(at.Field("address"), "%q is not host:port, such as \"127.0.0.1:8443\"", l.Address)
	}
	if l.TLSMaxVersion != "" && l.TLSMaxVersion != tls12 {
		found.add(at.Field("tls_max_version"), "%q is not %q; leave it out for the newest", l.TLSMaxVersion, tls12)
	}
	switch {
	case l.PlainHTTP && (l.TLSCertFile != "" || l.TLSKeyFile != ""):
		found.add(at.Field("plain_http"), "give either plain_http or TLS files, not both")
	case l.PlainHTTP || l.TLSCertFile != "" && l.TLSKeyFile != "":
	case l.TLSCertFile != "":
		found.add(at.Field("tls_cert_file"), "it needs tls_key_file too")
	case l.TLSKeyFile != "":
		found.add(at.Field("tls_key_file"), "it needs tls_cert_file too")
	default:
		found.add(at, "give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear")
	}
}

// isHostPort reports whether address has the form of an address to listen on. It does not look up host names.
func isHostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

func (c Config) validateRegions(at Place, found *faults) {
	for n, id := range c.Regions {
		if _, ok := kmsapi.FindRegion(id); !ok {
			found.add(at.Field("regions").Item(n), "%s", unknownRegion(id))
		}
	}
	home := c.HomeRegion()
	_, known := kmsapi.FindRegion(home)
	switch {
	case !known:
		found.add(at.Field("default_region"), "%s", unknownRegion(home))
	case c.leavesOut(home):
		found.add(at.Field("default_region"), "%s", c.notAmong(home))
	}
}

// unknownRegion returns a message that a region does not exist, with the region that may have been meant.
func unknownRegion(id string) string {
	return fmt.Sprintf("%.64q is not in the API reference; %s", id, kmsapi.SuggestRegion(id, nil))
}

// leavesOut reports whether a region is missing from Regions. It returns false if any of them is misspelled, since that
// one might be meant.
func (c Config) leavesOut(region string) bool {
	for _, id := range c.Regions {
		if _, known := kmsapi.FindRegion(id); !known || id == region {
			return false
		}
	}
	return len(c.Regions) > 0
}

// notAmong returns a message that a region is not served, with those that are.
func (c Config) notAmong(id string) string {
	return fmt.Sprintf("%.64q is not among regions; %s", id, kmsapi.SuggestRegion(id, c.Regions))
}

// HomeRegion returns DefaultRegion or its default.
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
