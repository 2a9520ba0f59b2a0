package server

import (
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
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := certificateTemplate("alicloudkms server -dev", now)
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", caDER, 0o644),
		writePEM(filepath.Join(dir, "tls.key"), "PRIVATE KEY", keyDER, 0o600),
		writePEM(filepath.Join(dir, "tls.pem"), "CERTIFICATE", leafDER, 0o644),
	)
}

func newCA(now time.Time) (*ecdsa.PrivateKey, *x509.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	ca := certificateTemplate("alicloudkms throw-away CA, NOT FOR PRODUCTION", now)
	ca.IsCA, ca.BasicConstraintsValid, ca.MaxPathLenZero = true, true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	return key, ca, der, err
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

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
