package server

import (
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// nodeFiles is the content of the files named in the blocks etcd and cluster.
type nodeFiles struct {
	// etcd is empty for plain HTTP.
	etcd     storeIdentity
	password kmsapi.Secret
	// identity is what the node presents to its peers, and peer is the certificate in it.
	identity *peers.Identity
	peer     *tls.Certificate
	// expired is why peers refuse the certificate, if it has expired or is not valid yet. The node can still become the
	// active one, even of a cluster in which all certificates have expired; as a standby it is not healthy.
	expired error
}

// checkEngine returns an error if c needs etcd and the program was built without its client.
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
			n.etcd.ca = x509.NewCertPool()
			n.etcd.ca.AppendCertsFromPEM(content)
		}
		faults = append(faults, at.Field("ca_file").Fault(err))
	}
	var err error
	if e.CertFile != "" {
		n.etcd.certificate, err = loadKeyPair(e.CertFile, e.KeyFile, at.Field("cert_file"), at.Field("key_file"))
		faults = append(faults, err)
	}
	if e.PasswordFile != "" {
		n.password, err = gate.LoadSecret(at, "password", "", e.PasswordFile)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// loadPeer loads the node's identity. It refuses what peers would refuse, except for a certificate that is expired or
// not valid yet.
func (n *nodeFiles) loadPeer(c *ClusterConfig, at config.Place, now time.Time) (err error) {
	ca, caErr := readCA(c.CAFile)
	n.peer, err = loadKeyPair(c.CertFile, c.KeyFile, at.Field("cert_file"), at.Field("key_file"))
	if err != nil || caErr != nil {
		return errors.Join(at.Field("ca_file").Fault(caErr), err)
	}
	chain, err := private.Read(c.CertFile, private.Anyone, maxPEMFile)
	if err != nil {
		return at.Field("cert_file").Fault(err)
	}
	key, err := private.Read(c.KeyFile, private.OwnerAndGroup, maxPEMFile)
	if err != nil {
		return at.Field("key_file").Fault(err)
	}
	defer clear(key)
	n.identity, err = peers.ParseIdentity(chain, key, ca, now)
	if isTime(err) {
		n.expired = at.Field("cert_file").Fault(fmt.Errorf("%s: the other nodes refuse it: %w", c.CertFile, err))
		n.identity, err = peers.ParseIdentity(chain, key, ca, n.peer.Leaf.NotBefore)
	}
	if err != nil {
		return at.Field("cert_file").Fault(fmt.Errorf("%s: %w", c.CertFile, err))
	}
	return nil
}

// isTime reports whether a certificate is refused because it, or a CA of it, has expired or is not valid yet.
func isTime(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// readCA reads a file of certificates. A file without certificates is an error.
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

// engineOptions returns the options for the store of c. shown is the node's TLS identity for etcd.
func (n *nodeFiles) engineOptions(c Config, shown *storeTLS, o Options) cluster.Options {
	lease, _ := c.Etcd.TTL() // Validation has refused an invalid duration.
	options := cluster.Options{
		Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.KeyPrefix(), Lease: lease,
		Username: c.Etcd.Username, Password: n.password, Logger: o.Logger, Clock: o.Clock,
	}
	if c.Etcd.HasTLS() {
		options.TLS = shown.config
	}
	return options
}

// changes returns which certificates of newer are new, among those that a reload applies. Either may be nil.
func (n *nodeFiles) changes(newer *nodeFiles) (all []ops.Change) {
	if n == nil || newer == nil {
		return nil
	}
	if loaded := newer.etcd.certificate; loaded != nil && !sameCertificate(n.etcd.certificate, loaded) {
		all = append(all, ops.Change{Part: "etcd", What: "new certificate, expires " + stamp(loaded.Leaf.NotAfter)})
	}
	if loaded := newer.etcd.ca; loaded != nil && !loaded.Equal(n.etcd.ca) {
		all = append(all, ops.Change{Part: "etcd.ca_file", What: "new certificates"})
	}
	if !n.identity.IsOf(newer.identity) {
		return all // The new identity needs a restart.
	}
	if !sameCertificate(n.peer, newer.peer) {
		all = append(all, ops.Change{Part: "cluster", What: "new certificate, expires " + stamp(newer.identity.Expires)})
	}
	if !n.identity.HasCAOf(newer.identity) {
		all = append(all, ops.Change{Part: "cluster.ca_file", What: "new certificates"})
	}
	return all
}

// waiting returns the changes in newer that take effect only at a restart. Either may be nil.
func (n *nodeFiles) waiting(newer *nodeFiles) []ops.Change {
	if n == nil || newer == nil ||
		subtle.ConstantTimeCompare([]byte(n.password.Reveal()), []byte(newer.password.Reveal())) == 1 {
		return nil
	}
	return []ops.Change{{Part: "etcd.password_file", What: "new password"}}
}

// inUse returns newer with what a reload does not change taken from n. Either may be nil.
func (n *nodeFiles) inUse(newer *nodeFiles) *nodeFiles {
	if n == nil || newer == nil {
		return newer
	}
	kept := *newer
	kept.password = n.password
	return &kept
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// remarks returns what `server -check` says about the files.
func (n *nodeFiles) remarks() (all []string) {
	if n.etcd.certificate != nil {
		all = append(all, "etcd: certificate expires "+stamp(n.etcd.certificate.Leaf.NotAfter))
	}
	return append(all, fmt.Sprintf("cluster: node %s of %s, certificate expires %s",
		n.identity.Node, n.identity.Cluster, stamp(n.identity.Expires)))
}

// warnings returns which certificates etcd or peers will refuse because they have expired or are not valid yet.
func (n *nodeFiles) warnings(c Config, now time.Time) []string {
	all := expiryWarnings(n.etcd.certificate, c.Place().Block("etcd", 0, "").Field("cert_file"), now)
	if n.expired != nil {
		all = append(all, n.expired.Error())
	}
	return all
}
