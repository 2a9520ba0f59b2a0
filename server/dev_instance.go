package server

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The files of the CAs that sign the certificates of dedicated gateways: a root, and under it the CA of a region, as
// Alibaba Cloud has them. The key of the second is kept, so that certificates can be renewed.
const (
	instanceCAName  = "instance-ca.pem"
	instanceKeyName = "instance-ca.key"
)

// NewDevInstance returns a KMS instance for a service whose files are in dir, with a new certificate for its dedicated
// gateway. The CAs there sign it; if there are none, they are made first. The gateway sends the CA of the region too,
// unless its TLSCertFile is changed to the file whose name has -leaf at its end.
func NewDevInstance(dir, id string) (Instance, error) {
	now := time.Now()
	region, key, err := ensureInstanceCA(dir, now)
	if err != nil {
		return Instance{}, err
	}
	keyDER, leafDER, err := issue(serverCertificate(now, kmsapi.InstanceHost(id)), region, key)
	if err != nil {
		return Instance{}, err
	}
	path := func(end string) string { return filepath.Join(dir, id+end) }
	err = errors.Join(
		writePEM(path(".key"), "PRIVATE KEY", 0o600, keyDER),
		writePEM(path(".pem"), "CERTIFICATE", 0o644, leafDER, region.Raw),
		writePEM(path("-leaf.pem"), "CERTIFICATE", 0o644, leafDER),
	)
	return Instance{
		ID: id, CACertFile: filepath.Join(dir, instanceCAName),
		Listener: Listener{Address: "127.0.0.1:0", TLSCertFile: path(".pem"), TLSKeyFile: path(".key")},
	}, err
}

// ensureInstanceCA reads the CA of the region, or makes it and a root.
func ensureInstanceCA(dir string, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	region, key, err := readInstanceCA(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return newInstanceCA(dir, now)
	}
	return region, key, err
}

func readInstanceCA(dir string) (*x509.Certificate, crypto.Signer, error) {
	chain, err := os.ReadFile(filepath.Join(dir, instanceCAName))
	if err != nil {
		return nil, nil, err
	}
	keyText, err := os.ReadFile(filepath.Join(dir, instanceKeyName))
	if err != nil {
		return nil, nil, err
	}
	_, rest := pem.Decode(chain)
	regionBlock, _ := pem.Decode(rest)
	keyBlock, _ := pem.Decode(keyText)
	if regionBlock == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("%s holds no CA of instances", dir)
	}
	region, err := x509.ParseCertificate(regionBlock.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, err
	}
	return region, key.(crypto.Signer), nil
}

func newInstanceCA(dir string, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	root := instanceCATemplate("Private KMS Root CA, NOT FOR PRODUCTION", now)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return nil, nil, err
	}
	region := instanceCATemplate("Private KMS "+kmsapi.DefaultRegion+" Second CA, NOT FOR PRODUCTION", now)
	region.MaxPathLenZero = true
	keyDER, regionDER, err := issue(region, root, rootKey)
	if err != nil {
		return nil, nil, err
	}
	err = errors.Join(
		writeChain(filepath.Join(dir, instanceCAName), rootDER, regionDER),
		writePEM(filepath.Join(dir, instanceKeyName), "PRIVATE KEY", 0o600, keyDER))
	if err != nil {
		return nil, nil, err
	}
	return readInstanceCA(dir)
}

// instanceCATemplate is that of a CA that lasts for 20 years, as those of Alibaba Cloud do.
func instanceCATemplate(name string, now time.Time) *x509.Certificate {
	ca := caTemplate(name, now)
	ca.NotAfter = now.AddDate(20, 0, 0)
	return ca
}

// writeChain writes certificates in the form of the console's file, whose lines end in CR LF.
func writeChain(path string, certificates ...[]byte) error {
	var text []byte
	for _, der := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 0o644)
}
