package server

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// The files of the CAs for dedicated gateways: a root, and below it the CA of a region, as at Alibaba Cloud. The region
// CA's key is kept, so that certificates can be renewed.
const (
	instanceCAName  = "instance-ca.pem"
	instanceKeyName = "instance-ca.key"
)

// NewDevInstance returns a KMS instance for a service whose files are in dir, with a new certificate for its dedicated
// gateway. It is signed by the region CA in dir; if dir has no CAs, they are made first. The gateway also sends the
// certificate of the region CA, unless its TLSCertFile is changed to the file whose name ends in -leaf.pem.
func NewDevInstance(dir, id string) (Instance, error) {
	now := time.Now()
	region, err := ensureInstanceCA(dir, now)
	if err != nil {
		return Instance{}, err
	}
	leaf, err := region.Issue(devServer(now, kmsapi.InstanceHost(id)))
	if err != nil {
		return Instance{}, err
	}
	path := func(end string) string { return filepath.Join(dir, id+end) }
	err = errors.Join(
		writeKey(path(".key"), leaf),
		os.WriteFile(path(".pem"), pki.EncodeCertificates(leaf.Certificate, region.Certificate), 0o644),
		os.WriteFile(path("-leaf.pem"), pki.EncodeCertificates(leaf.Certificate), 0o644),
	)
	return Instance{
		ID: id, CACertFile: filepath.Join(dir, instanceCAName),
		Listener: Listener{Address: anyPort, TLSCertFile: path(".pem"), TLSKeyFile: path(".key")},
	}, err
}

// ensureInstanceCA reads the region CA, or makes it and its root.
func ensureInstanceCA(dir string, now time.Time) (*pki.Authority, error) {
	region, err := readInstanceCA(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return newInstanceCA(dir, now)
	}
	return region, err
}

func readInstanceCA(dir string) (*pki.Authority, error) {
	chain, err := readCertificates(filepath.Join(dir, instanceCAName))
	if err != nil {
		return nil, err
	}
	keyText, err := os.ReadFile(filepath.Join(dir, instanceKeyName))
	if err != nil {
		return nil, err
	}
	const rootAndRegion = 2
	key, err := pki.ParseKey(keyText)
	if err != nil || len(chain) != rootAndRegion {
		return nil, errors.Join(fmt.Errorf("%s holds no CA of instances", dir), err)
	}
	return &pki.Authority{Pair: pki.Pair{Certificate: chain[1], Key: key}}, nil
}

func newInstanceCA(dir string, now time.Time) (*pki.Authority, error) {
	rootTemplate := instanceCATemplate("Private KMS Root CA, NOT FOR PRODUCTION", now)
	rootTemplate.MaxPathLenZero = false // The CA of the region is below it.
	root, err := pki.NewAuthority(rootTemplate, nil)
	if err != nil {
		return nil, err
	}
	region, err := pki.NewAuthority(
		instanceCATemplate("Private KMS "+kmsapi.DefaultRegion+" Second CA, NOT FOR PRODUCTION", now), root)
	if err != nil {
		return nil, err
	}
	return region, errors.Join(
		writeChain(filepath.Join(dir, instanceCAName), root.Certificate, region.Certificate),
		writeKey(filepath.Join(dir, instanceKeyName), region.Pair))
}

// instanceCATemplate returns the template of a CA that is valid for 20 years, like those of Alibaba Cloud.
func instanceCATemplate(name string, now time.Time) *x509.Certificate {
	return pki.CA(name, now, now.AddDate(20, 0, 0))
}

// writeChain writes certificates as the console's CA download has them, with lines that end in CR LF.
func writeChain(path string, certificates ...*x509.Certificate) error {
	encoded := pki.EncodeCertificates(certificates...)
	return os.WriteFile(path, bytes.ReplaceAll(encoded, []byte("\n"), []byte("\r\n")), 0o644)
}
