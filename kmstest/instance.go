package kmstest

import (
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// Instance is a KMS instance of a service, with what a client needs to use its dedicated gateway. The certificate is
// for the host that kmsapi.InstanceHost returns, and for loopback addresses.
type Instance struct {
	ID string
	// Endpoint is host:port of the dedicated gateway.
	Endpoint string
	// CACert is the PEM of the CAs to trust, a root and the CA of the region, and CAFile the file that holds it. Its
	// lines end in CR LF.
	CACert, CAFile string
}

// InstanceCalled returns the KMS instance called id, and the zero value if the configuration has none.
func (k *KMS) InstanceCalled(id string) Instance {
	k.t.Helper()
	for _, i := range k.config.Instances {
		if i.ID == id {
			ca, err := os.ReadFile(i.CACertFile)
			must(k.t, err)
			return Instance{ID: id, Endpoint: i.Listener.Address, CACert: string(ca), CAFile: i.CACertFile}
		}
	}
	return Instance{}
}

// instances returns the service's instances in the form of a client's configuration.
func (k *KMS) instances() map[string]client.Instance {
	all := map[string]client.Instance{}
	for _, i := range k.config.Instances {
		found := k.InstanceCalled(i.ID)
		all[i.ID] = client.Instance{Endpoint: found.Endpoint, CACert: found.CACert}
	}
	return all
}

// LeafAlone lets the dedicated gateways send their certificates without the CA of the region, for [Configured].
func LeafAlone(c *server.Config) {
	for n := range c.Instances {
		l := &c.Instances[n].Listener
		l.TLSCertFile = filepath.Join(filepath.Dir(l.TLSKeyFile), c.Instances[n].ID+"-leaf.pem")
	}
}

// AddInstance adds a KMS instance to a configuration, for [Configured]. The certificate of its dedicated gateway is
// from the same CA as that of [KMS.Instance].
func AddInstance(c *server.Config, i server.Instance) error {
	made, err := server.NewDevInstance(filepath.Dir(c.Storage.Path), i.ID)
	i.Listener, i.CACertFile = made.Listener, made.CACertFile
	c.Instances = append(c.Instances, i)
	return err
}

// RenewCertificate gives the dedicated gateway of the instance called id a new certificate from the same CA, without a
// restart.
func (k *KMS) RenewCertificate(id string) error {
	k.t.Helper()
	if _, err := server.NewDevInstance(k.DataDir, id); err != nil {
		return err
	}
	return k.Reload(func(*server.Config) {})
}

// ReplaceInstanceCA gives all dedicated gateways certificates from a new CA, without a restart. Afterwards
// [KMS.Instance] still has the old CA, and [KMS.InstanceCalled] returns the new one.
func (k *KMS) ReplaceInstanceCA() error {
	k.t.Helper()
	for _, i := range k.config.Instances {
		if err := os.Remove(i.CACertFile); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	for _, i := range k.config.Instances {
		if _, err := server.NewDevInstance(k.DataDir, i.ID); err != nil {
			return err
		}
	}
	return k.Reload(func(*server.Config) {})
}
