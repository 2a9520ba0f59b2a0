package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// nodeFiles is the content of the files that the blocks etcd and cluster name.
type nodeFiles struct {
	// etcdCA has the CAs of etcd's members; nil for plain HTTP.
	etcdCA *x509.CertPool
	// etcdCertificate is what the node shows to etcd; nil if it shows none.
	etcdCertificate *tls.Certificate
	password        kmsapi.Secret
	// peer is what the node shows to its peers, and identity what it is with the CA of all of them.
	peer     *tls.Certificate
	identity *peers.Identity
}

// checkEngine finds out whether the program has the code that c needs.
func checkEngine(c Config) error {
	_, linked := cluster.Registered()
	return engineFault(c, linked)
}

func engineFault(c Config, linked bool) error {
	if linked || c.Etcd == nil {
		return nil
	}
	return c.Place().Block("etcd", 0, "").Fault(errors.New(
		"this program has no client of etcd: alicloudkms has, and a program of your own imports package server/etcd"))
}

// loadNodeFiles returns nil if c has no etcd.
func loadNodeFiles(c Config, now time.Time) (*nodeFiles, error) {
	if c.Etcd == nil || c.Cluster == nil {
		return nil, nil
	}
	n := &nodeFiles{}
	return n, errors.Join(n.loadEtcd(c.Etcd, c.Place().Block("etcd", 0, "")),
		n.loadPeer(c.Cluster, c.Place().Block("cluster", 0, ""), now))
}

func (n *nodeFiles) loadEtcd(e *EtcdConfig, at config.Place) error {
	var faults []error
	if e.HasTLS() {
		content, err := readCA(e.CAFile)
		if err == nil {
			n.etcdCA = x509.NewCertPool()
			n.etcdCA.AppendCertsFromPEM(content)
		}
		faults = append(faults, at.Field("ca_file").Fault(err))
	}
	var err error
	if e.CertFile != "" {
		n.etcdCertificate, err = loadKeyPair(e.CertFile, e.KeyFile, at.Field("cert_file"), at.Field("key_file"))
		faults = append(faults, err)
	}
	if e.PasswordFile != "" {
		n.password, err = gate.LoadSecret(at, "password", "", e.PasswordFile)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (n *nodeFiles) loadPeer(c *ClusterConfig, at config.Place, now time.Time) error {
	authorities, err := readCA(c.CAFile)
	var pairErr error
	n.peer, pairErr = loadKeyPair(c.CertFile, c.KeyFile, at.Field("cert_file"), at.Field("key_file"))
	if err := errors.Join(at.Field("ca_file").Fault(err), pairErr); err != nil {
		return err
	}
	// A certificate that has expired is warned of: without its peers, the node may still be the active one.
	n.identity, err = peers.NewIdentity(*n.peer, authorities, within(n.peer.Leaf, now))
	return at.Field("cert_file").Fault(err)
}

// within returns the time closest to now at which a certificate is valid.
func within(c *x509.Certificate, now time.Time) time.Time {
	if now.Before(c.NotBefore) {
		return c.NotBefore
	}
	if now.After(c.NotAfter) {
		return c.NotAfter
	}
	return now
}

// readCA reads a file of certificates, and refuses one without any.
func readCA(path string) ([]byte, error) {
	content, err := private.Read(path, private.Anyone, maxPEMFile)
	if err != nil {
		return nil, err
	}
	if err := checkChain(content); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return content, nil
}

// engineOptions are those of the store of c. own is the certificate that the node shows to etcd, which a reload may
// replace: connections of that moment keep the old one.
func (n *nodeFiles) engineOptions(c Config, own *certificate, o Options) cluster.Options {
	lease, _ := c.Etcd.TTL() // Validation has refused what is no duration.
	options := cluster.Options{
		Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.KeyPrefix(), Lease: lease,
		Username: c.Etcd.Username, Password: n.password, Logger: o.Logger, Clock: o.Clock,
	}
	if c.Etcd.HasTLS() {
		options.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: n.etcdCA, GetClientCertificate: own.forServer}
	}
	return options
}

// forServer is what is shown to a server that asks for a certificate: an empty one if there is none.
func (c *certificate) forServer(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if current := c.current.Load(); current != nil {
		return current, nil
	}
	return &tls.Certificate{}, nil
}

// remarks are what `server -check` says of the files.
func (n *nodeFiles) remarks() (all []string) {
	if n.etcdCertificate != nil {
		all = append(all, "etcd: "+describeCertificate(n.etcdCertificate))
	}
	return append(all, "cluster: "+describeCertificate(n.peer))
}

// warnings say which certificates others will refuse.
func (n *nodeFiles) warnings(c Config, now time.Time) []string {
	return append(
		expiryWarnings(n.etcdCertificate, c.Place().Block("etcd", 0, "").Field("cert_file"), now),
		expiryWarnings(n.peer, c.Place().Block("cluster", 0, "").Field("cert_file"), now)...,
	)
}
