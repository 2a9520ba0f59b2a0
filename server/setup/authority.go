package setup

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// caKeys are the keys of the two CAs.
type caKeys struct{ clients, nodes caKey }

// caKey is the key of a CA. key is nil if it was not read.
type caKey struct {
	path string
	key  crypto.Signer
}

// readCAKeys reads the keys that exist. The key of the clients' CA must exist, unless only that of the nodes' CA was
// named.
func readCAKeys(o RenewOptions) (k caKeys, err error) {
	k = whereCAKeys(o.Dir, o.CAKeyFile, o.NodesCAKeyFile)
	if err = k.nodes.read("-nodes-ca-key"); err != nil && (o.NodesCAKeyFile != "" || !errors.Is(err, fs.ErrNotExist)) {
		return k, err
	}
	err = k.clients.read("-ca-key")
	if errors.Is(err, fs.ErrNotExist) && o.CAKeyFile == "" && o.NodesCAKeyFile != "" {
		err = nil
	}
	return k, err
}

// whereCAKeys fills in the paths that were not given. By default, the key of the nodes' CA is beside the other one.
func whereCAKeys(dir, ca, nodesCA string) (k caKeys) {
	k.clients.path = cmp.Or(ca, filepath.Join(dir, caKeyName))
	k.nodes.path = cmp.Or(nodesCA, filepath.Join(filepath.Dir(k.clients.path), nodesCAKeyName))
	return k
}

// read reads the key. flag is the name of the flag for its path, for the error.
func (k *caKey) read(flag string) error {
	content, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; if it was moved, name it with %s", err, flag)
	}
	if err != nil {
		return err
	}
	defer clear(content)
	if k.key, err = pki.ParseKey(content); err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	return nil
}

// certificates reads the certificates in a file.
func (f *folder) certificates(name string) ([]*x509.Certificate, error) {
	content, err := f.root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	found, err := pki.ParseCertificates(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name(name), err)
	}
	return found, nil
}

// certificate reads the first certificate in a file.
func (f *folder) certificate(name string) (*x509.Certificate, error) {
	found, err := f.certificates(name)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// authority reads the certificate of a CA, and joins it with its key k.
func (f *folder) authority(name string, k caKey) (*pki.Authority, error) {
	certificate, err := f.certificate(name)
	if err != nil {
		return nil, err
	}
	ca := &pki.Authority{Pair: pki.Pair{Certificate: certificate, Key: k.key}}
	if err := ca.Belongs(); err != nil {
		return nil, fmt.Errorf("%s is not the key of %s: %w", k.path, f.name(name), err)
	}
	return ca, nil
}

// signed reads a certificate and the CA that signed it.
func (f *folder) signed(name, caName string, k caKey) (*x509.Certificate, *pki.Authority, error) {
	current, err := f.certificate(name)
	if err != nil {
		return nil, nil, err
	}
	ca, err := f.authority(caName, k)
	if err != nil {
		return nil, nil, err
	}
	if err := current.CheckSignatureFrom(ca.Certificate); err != nil {
		return nil, nil, fmt.Errorf("%s was not signed by %s: %w", f.name(name), f.name(caName), err)
	}
	return current, ca, nil
}
