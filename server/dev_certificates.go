package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

const (
	devCertificateLife = 365 * 24 * time.Hour
	// devCertificateRest is how much of devCertificateLife must be left at a start.
	devCertificateRest = 30 * 24 * time.Hour
)

// ensureCertificates writes a CA and a certificate for loopback, unless the certificate of an earlier run is valid for
// another month. The CA's own key is discarded at once, so it can't sign anything else.
func ensureCertificates(dir string, now time.Time) error {
	current, err := readCertificates(filepath.Join(dir, "tls.pem"))
	if err == nil && current[0].NotAfter.Sub(now) > devCertificateRest {
		return nil
	}
	ca, err := pki.NewAuthority(
		pki.CA("alicloudkms throw-away CA, NOT FOR PRODUCTION", now, now.Add(devCertificateLife)), nil)
	if err != nil {
		return err
	}
	leaf, err := ca.Issue(devServer(now, "localhost"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "ca.pem"), pki.EncodeCertificates(ca.Certificate), 0o644),
		writeKey(filepath.Join(dir, "tls.key"), leaf),
		os.WriteFile(filepath.Join(dir, "tls.pem"), pki.EncodeCertificates(leaf.Certificate), 0o644),
	)
}

// devServer returns the template of a certificate for a host and for loopback.
func devServer(now time.Time, host string) *x509.Certificate {
	return pki.Server("alicloudkms server -dev", []string{host, "127.0.0.1", "::1"}, now, now.Add(devCertificateLife))
}

// readCertificates reads the certificates in a PEM file. It returns at least one.
func readCertificates(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found, err := pki.ParseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

// writeKey writes the key of a certificate to a file that only its owner can read.
func writeKey(path string, pair pki.Pair) error {
	encoded, err := pki.EncodeKey(pair.Key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, encoded, 0o600)
}
