package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	devCertificateLife = 365 * 24 * time.Hour
	// devCertificateRest is how much of it must be left at a start.
	devCertificateRest = 30 * 24 * time.Hour
)

// ensureCertificates writes a CA and a certificate for loopback, unless those of an earlier run are valid for another
// month. The CA's own key is discarded at once, so nothing else will ever be signed by it.
func ensureCertificates(dir string, now time.Time) error {
	current, err := readCertificate(filepath.Join(dir, "tls.pem"))
	if err == nil && current.NotAfter.Sub(now) > devCertificateRest {
		return nil
	}
	caKey, ca, caDER, err := newCA(now)
	if err != nil {
		return err
	}
	leaf := serverCertificate(now, "localhost")
	key, leafDER, err := issue(leaf, ca, caKey)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", 0o644, caDER),
		writePEM(filepath.Join(dir, "tls.key"), "PRIVATE KEY", 0o600, key),
		writePEM(filepath.Join(dir, "tls.pem"), "CERTIFICATE", 0o644, leafDER),
	)
}

// serverCertificate is the template of a certificate for a host and for loopback.
func serverCertificate(now time.Time, host string) *x509.Certificate {
	leaf := certificateTemplate("alicloudkms server -dev", now)
	leaf.DNSNames = []string{host}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return leaf
}

// issue makes a key and its certificate, signed by a CA. Both are in DER, the key in PKCS #8.
func issue(leaf, ca *x509.Certificate, caKey crypto.Signer) (keyDER, leafDER []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if leafDER, err = x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey); err != nil {
		return nil, nil, err
	}
	keyDER, err = x509.MarshalPKCS8PrivateKey(key)
	return keyDER, leafDER, err
}

func newCA(now time.Time) (*ecdsa.PrivateKey, *x509.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	ca := caTemplate("alicloudkms throw-away CA, NOT FOR PRODUCTION", now)
	ca.MaxPathLenZero = true
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	return key, ca, der, err
}

func caTemplate(name string, now time.Time) *x509.Certificate {
	ca := certificateTemplate(name, now)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	return ca
}

func certificateTemplate(name string, now time.Time) *x509.Certificate {
	serial := new(big.Int).SetBytes([]byte(randomHex(8)))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(devCertificateLife), KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func readCertificate(path string) (*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

// writePEM writes blocks of one kind.
func writePEM(path, kind string, mode os.FileMode, blocks ...[]byte) error {
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return os.WriteFile(path, text, mode)
}
