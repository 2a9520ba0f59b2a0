// Package kmstest is a test kit: [New] gives a test its own KMS service, real in everything but its clock, which the
// test can move. It listens on loopback with TLS, checks signatures, timestamps and nonces, and keeps its data in the
// test's temporary folder.
//
//	func TestEncrypt(t *testing.T) {
//		kms := kmstest.New(t)
//		c, err := client.New(kms.ClientConfig())
//		...
//		kms.Advance(24 * time.Hour)
//		...
//	}
//
// The service has a KMS instance too, [KMS.Instance], whose dedicated gateway a client of [KMS.ClientConfig] uses.
//
// [Configured], [WithOptions], [KMS.Config] and [KMS.Reload] are for tests of this module: they expose the
// configuration of package server, which makes no compatibility promise.
package kmstest

import (
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// KMS is a running service, with what a client needs to use it. Its fields don't change, even when the service
// restarts.
type KMS struct {
	// Endpoint is host:port, served over TLS.
	Endpoint string
	// CACert is the PEM of the CA to trust, and CAFile the file that holds it.
	CACert, CAFile string
	// Region is the region of requests that name none.
	Region string
	// AccessKeyID and AccessKeySecret form an access key that may do everything.
	AccessKeyID     string
	AccessKeySecret kmsapi.Secret
	// Instance is a KMS instance that always exists: "kst-dev", of kind software, with Internet access on.
	Instance Instance
	// DataDir holds the service's files.
	DataDir string

	t      testing.TB
	config server.Config
	// log is where the service logs to.
	log io.Writer
	// options are used at every start.
	options server.Options
	server  *server.Server
	// held are the functions that release the ports of the gateways, which are held while the service is stopped.
	held []func()
	// ahead is how far the service's clock is ahead of the real one, in nanoseconds.
	ahead atomic.Int64
}

// New starts a service, and stops it when the test ends.
func New(t testing.TB) *KMS {
	t.Helper()
	return Configured(t, func(*server.Config) {})
}

// Configured is [New] for a service whose configuration is changed first, for instance to add accounts, or quotas and
// rate limits, which are off by default.
func Configured(t testing.TB, change func(*server.Config)) *KMS {
	t.Helper()
	return WithOptions(t, change, server.Options{})
}

// WithKeyPairs is [New] for a service whose new asymmetric keys have the PKCS#8 that pairs returns for their KeySpec,
// or a key pair of their own where it returns nil. Generating an RSA key takes seconds.
func WithKeyPairs(t testing.TB, pairs func(keySpec string) []byte) *KMS {
	t.Helper()
	return WithOptions(t, AsItIs, server.Options{KeyPairs: pairs})
}

// WithOptions is [Configured] for a service with options. The logger and the clock in them are replaced by the test's.
func WithOptions(t testing.TB, change func(*server.Config), options server.Options) *KMS {
	t.Helper()
	dir := t.TempDir()
	dev, err := server.NewDevConfig(dir, anyPort)
	must(t, err)
	ca, err := os.ReadFile(dev.CAFile)
	must(t, err)
	k := &KMS{
		CACert: string(ca), CAFile: dev.CAFile, Region: kmsapi.DefaultRegion, DataDir: dir,
		AccessKeyID: dev.AccessKeyID, AccessKeySecret: dev.AccessKeySecret,
		t: t, config: dev.Config, log: testlog.Output(t), options: options,
	}
	change(&k.config)
	t.Cleanup(k.end)
	k.holdPort(&k.config.Listener)
	for n := range k.config.Instances {
		k.holdPort(&k.config.Instances[n].Listener)
	}
	k.Start()
	k.Endpoint = k.server.Address()
	k.config.Listener.Address = k.Endpoint
	for n := range k.config.Instances {
		i := &k.config.Instances[n]
		i.Listener.Address = k.server.InstanceAddress(i.ID)
	}
	k.Instance = k.InstanceCalled(dev.InstanceID)
	return k
}

// holdPort gives a gateway a port that stays its own while the service is stopped, unless the configuration names
// another.
func (k *KMS) holdPort(of *server.Listener) {
	k.t.Helper()
	if of.Address != anyPort {
		return
	}
	address, release, err := heldport.Hold()
	must(k.t, err)
	of.Address, k.held = address, append(k.held, release)
}

const anyPort = "127.0.0.1:0"

// end stops the service for good.
func (k *KMS) end() {
	k.t.Helper()
	k.Stop()
	for _, release := range k.held {
		release()
	}
	k.held = nil
}

// ClientConfig returns the configuration of a client of this service, with its access key and its clock.
func (k *KMS) ClientConfig() client.Config {
	return client.Config{
		Endpoint:    k.Endpoint,
		CACert:      k.CACert,
		Region:      k.Region,
		Credentials: client.Static{AccessKeyID: k.AccessKeyID, AccessKeySecret: k.AccessKeySecret},
		Clock:       k.Now,
		Instances:   k.instances(),
	}
}

// Advance moves the service's clock forward by d, or back if d is negative.
func (k *KMS) Advance(d time.Duration) { k.ahead.Add(int64(d)) }

// Now returns the time on the service's clock.
func (k *KMS) Now() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }

// Stop closes the service at once, as if its process had ended. Stopping a stopped service does nothing.
func (k *KMS) Stop() {
	k.t.Helper()
	if k.server == nil {
		return
	}
	must(k.t, k.server.Close())
	k.server = nil
}

// Start starts a stopped service again, with its data and at the same endpoint.
func (k *KMS) Start() {
	k.t.Helper()
	options := k.options
	options.Logger, options.Clock = slog.New(slog.NewTextHandler(k.log, nil)), k.Now
	started, err := server.Start(k.config, options)
	must(k.t, err)
	k.server = started
}

// Restart stops the service and starts it again.
func (k *KMS) Restart() {
	k.t.Helper()
	k.Stop()
	k.Start()
}

// Reload changes the configuration, and makes the service apply the changes that need no restart.
func (k *KMS) Reload(change func(*server.Config)) error {
	k.t.Helper()
	change(&k.config)
	_, err := k.server.Reload(k.config)
	return err
}

// Admit adds a temporary access key, which may do everything and requires its security token. It expires at a time on
// the service's clock; the zero time means never.
func (k *KMS) Admit(id string, secret, securityToken kmsapi.Secret, expires time.Time) error {
	k.t.Helper()
	key := server.AccessKey{ID: id, Secret: secret.Reveal(), SecurityToken: securityToken.Reveal()}
	if !expires.IsZero() {
		key.Expires = expires.Format(time.RFC3339)
	}
	return k.Reload(func(c *server.Config) { c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, key) })
}

// Config returns the service's configuration.
func (k *KMS) Config() server.Config { return k.config }

// OpsAddress returns the host:port of metrics and health, if the configuration enables them.
func (k *KMS) OpsAddress() string { return k.server.OpsAddress() }

// Sweep does at once what the service does every minute: it removes everything that has expired or is due for deletion.
func (k *KMS) Sweep() error { return k.server.Sweep(k.t.Context()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
