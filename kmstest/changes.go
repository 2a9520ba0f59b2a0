package kmstest

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// A Change changes a service's configuration, for [Configured]. The ones below are for tests that don't know package
// server.
type Change = func(*server.Config)

// AsItIs changes nothing.
func AsItIs(*server.Config) {}

// NoInternetAccess makes the shared gateway refuse to encrypt and decrypt with keys of [KMS.Instance].
func NoInternetAccess(c *server.Config) { c.Instances[0].InternetAccess = new(bool) }

// OldImage gives the dedicated gateway of [KMS.Instance] an image that does not serve this API.
func OldImage(c *server.Config) { c.Instances[0].Image = "2.9.1" }

// StrictDefaultKeys makes CreateKey without a KMS instance enable the account's one default key, as in a new
// account.
func StrictDefaultKeys(c *server.Config) { c.StrictDefaultKeys = true }

// SM serves key pairs on SM2 and keys of SM4. The test must import server/sm.
func SM(c *server.Config) { c.SM = true }

// DefaultInstance makes [KMS.Instance] the account's default instance, as in an account that was migrated from KMS 1.0.
func DefaultInstance(c *server.Config) { c.Instances[0].Default = true }

// OneInstanceCallASecond limits GetKmsInstance and similar operations to one call a second, as Alibaba Cloud does.
func OneInstanceCallASecond(c *server.Config) { c.RateLimits = &server.RateLimits{Instances: 1} }

// CryptoRate limits encryption and decryption to perSecond requests a second, and other operations as Alibaba Cloud
// does.
func CryptoRate(perSecond int) Change {
	return func(c *server.Config) { c.RateLimits = &server.RateLimits{Crypto: perSecond} }
}

// WithSoftwareInstance adds a KMS instance.
func WithSoftwareInstance(id string) Change { return withInstance(id, server.KindSoftware) }

// WithHardwareInstance adds a KMS instance that keeps its keys in hardware.
func WithHardwareInstance(id string) Change { return withInstance(id, server.KindHardware) }

// AccessKeys makes the service accept these access keys besides its own, and no others. They may do everything.
func AccessKeys(keys ...client.Static) Change {
	return func(c *server.Config) {
		taken := c.Accounts[0].AccessKeys[:1:1]
		for _, key := range keys {
			taken = append(taken, server.AccessKey{ID: key.AccessKeyID, Secret: key.AccessKeySecret.Reveal()})
		}
		c.Accounts[0].AccessKeys = taken
	}
}

func withInstance(id, kind string) Change {
	return func(c *server.Config) {
		if err := AddInstance(c, server.Instance{ID: id, Kind: kind}); err != nil {
			panic(err)
		}
	}
}

// Certificate makes the service use the certificate and key in these files, instead of those of its own CA.
func Certificate(certFile, keyFile string) Change {
	return func(c *server.Config) { c.Listener.TLSCertFile, c.Listener.TLSKeyFile = certFile, keyFile }
}

// Allowing limits the service's access key to some operations.
func Allowing(ops ...kmsapi.Operation) Change {
	return func(c *server.Config) {
		allow := server.Allow{Resources: []string{"*"}}
		for _, op := range ops {
			allow.Actions = append(allow.Actions, op.Actions()...)
		}
		c.Accounts[0].AccessKeys[0].Allow = []server.Allow{allow}
	}
}
