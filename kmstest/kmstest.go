// Package kmstest is a test kit: [New] gives a test a KMS service of its own, real in everything but the clock, which the
// test can move. It listens on loopback with TLS, checks signatures, timestamps and nonces, and keeps its data in the
// test's temporary folder.
//
//	kms := kmstest.New(t)
//	client, err := client.New(client.Config{
//		Endpoint: kms.Endpoint, CACert: kms.CACert, Region: kms.Region,
//		Credentials: client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kms.AccessKeySecret},
//	})
package kmstest

import (
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// KMS is a running service with what a client needs to use it. Its fields don't change, not over a restart either.
type KMS struct {
	// Endpoint is host:port, served over TLS.
	Endpoint string
	// CACert is the PEM of the CA to trust, and CAFile the file that holds it.
	CACert, CAFile string
	// Region is the one that requests belong to if they name none.
	Region          string
	AccessKeyID     string
	AccessKeySecret kmsapi.Secret
	// DataDir holds the service's files.
	DataDir string

	t      testing.TB
	config server.Config
	server *server.Server
	ahead  atomic.Int64
}

// New starts a service, and stops it when the test ends.
func New(t testing.TB) *KMS {
	t.Helper()
	return Configured(t, func(*server.Config) {})
}

// Configured is New for a service whose configuration change has changed: one with more accounts, for instance, or with
// quotas and rate limits, of which it has none by itself.
func Configured(t testing.TB, change func(*server.Config)) *KMS {
	t.Helper()
	dir := t.TempDir()
	dev, err := server.NewDevConfig(dir, "127.0.0.1:0")
	must(t, err)
	ca, err := os.ReadFile(dev.CAFile)
	must(t, err)
	k := &KMS{
		CACert: string(ca), CAFile: dev.CAFile, Region: kmsapi.DefaultRegion, DataDir: dir,
		AccessKeyID: dev.AccessKeyID, AccessKeySecret: dev.AccessKeySecret,
		t: t, config: dev.Config,
	}
	change(&k.config)
	k.Start()
	k.Endpoint = k.server.Address()
	k.config.Listener.Address = k.Endpoint
	t.Cleanup(k.Stop)
	return k
}

// Advance moves the service's clock.
func (k *KMS) Advance(d time.Duration) { k.ahead.Add(int64(d)) }

// Now is the service's clock.
func (k *KMS) Now() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }

// Stop closes the service at once, as if its process had ended. A stopped service may be stopped again.
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
	started, err := server.Start(k.config, server.Options{Logger: slog.New(slog.NewTextHandler(k.t.Output(), nil)), Clock: k.Now})
	must(k.t, err)
	k.server = started
}

// Reload changes the configuration and lets the service take from it what needs no restart.
func (k *KMS) Reload(change func(*server.Config)) error {
	k.t.Helper()
	change(&k.config)
	return k.server.Reload(k.config)
}

// Admit lets the service accept a temporary access key besides, which may do everything and needs its security token. It
// ends at a time on the service's clock; the zero time means never.
func (k *KMS) Admit(id string, secret, securityToken kmsapi.Secret, expires time.Time) error {
	k.t.Helper()
	key := server.AccessKey{ID: id, Secret: secret.Reveal(), SecurityToken: securityToken.Reveal()}
	if !expires.IsZero() {
		key.Expires = expires.Format(time.RFC3339)
	}
	return k.Reload(func(c *server.Config) { c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, key) })
}

// Config is the service's configuration.
func (k *KMS) Config() server.Config { return k.config }

// OpsAddress is where metrics and health are, as host:port, if the configuration says that there are any.
func (k *KMS) OpsAddress() string { return k.server.OpsAddress() }

// Sweep does at once what the service does every minute: it removes what time has ended.
func (k *KMS) Sweep() error { return k.server.Sweep(k.t.Context()) }

// Restart stops the service and starts it again.
func (k *KMS) Restart() {
	k.t.Helper()
	k.Stop()
	k.Start()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
