package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// Dev is the configuration of a service for development: loopback only, TLS from a CA of its own, one account with one
// access key, no quotas and no rate limits. NOT FOR PRODUCTION: its root key and secrets lie beside its data.
type Dev struct {
	Config Config
	// CAFile is the PEM file of the CA that clients must trust.
	CAFile          string
	AccessKeyID     string
	AccessKeySecret kmsapi.Secret
}

// devAccount is the number that the API reference's own examples use.
const devAccount = "123456"

// NewDev makes the files that a development service needs in dir, or takes those of an earlier run, so that keys,
// credentials and CA outlive a restart. address is host:port on loopback; port 0 lets the kernel choose.
func NewDev(dir, address string) (*Dev, error) {
	if err := checkLoopback(address); err != nil {
		return nil, err
	}
	// Clients read the exported paths from folders of their own.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := &Dev{CAFile: filepath.Join(dir, "ca.pem")}
	if err := ensureRootKey(filepath.Join(dir, "root.key")); err != nil {
		return nil, err
	}
	if err := d.ensureAccessKey(dir); err != nil {
		return nil, err
	}
	if err := ensureCertificates(dir, time.Now()); err != nil {
		return nil, err
	}
	d.Config = Config{
		Listener: Listener{
			Address: address, TLSCertFile: filepath.Join(dir, "tls.pem"), TLSKeyFile: filepath.Join(dir, "tls.key"),
		},
		Storage: StorageConfig{Path: filepath.Join(dir, "kms.db")},
		RootKey: RootKeyConfig{File: filepath.Join(dir, "root.key")},
		Accounts: []Account{{ID: devAccount, AccessKeys: []AccessKey{{
			ID: d.AccessKeyID, SecretFile: filepath.Join(dir, "access-key-secret"),
		}}}},
		Audit: &AuditConfig{File: filepath.Join(dir, "audit.log")},
		// Tests make keys by the hundred, and no key can be deleted sooner than in a week.
		Quotas:     &Quotas{Keys: unlimited, Aliases: unlimited},
		RateLimits: noRateLimits(),
	}
	return d, nil
}

func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q is not host:port", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q: this may listen on loopback only", address)
	}
	return nil
}

func ensureRootKey(path string) error {
	_, err := os.Lstat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root, err := crypt.NewRootKey(rand.Reader)
	if err != nil {
		return err
	}
	return root.WriteFile(path)
}

// ensureAccessKey gives d the access key of an earlier run, or a new one.
func (d *Dev) ensureAccessKey(dir string) error {
	id, err := ensureText(filepath.Join(dir, "access-key-id"), func() string { return "LTAI" + randomHex(8) })
	if err != nil {
		return err
	}
	secret, err := ensureText(filepath.Join(dir, "access-key-secret"), func() string { return randomHex(16) })
	if err != nil {
		return err
	}
	d.AccessKeyID, d.AccessKeySecret = id, kmsapi.NewSecret(secret)
	return nil
}

// ensureText reads the file at path, or writes it with a new text.
func ensureText(path string, newText func() string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	// Half a file would be taken for the whole by every later start.
	made := newText()
	if err := os.WriteFile(path+".new", []byte(made+"\n"), 0o600); err != nil {
		return "", err
	}
	return made, os.Rename(path+".new", path)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails.
	return hex.EncodeToString(b)
}

const devCertificateLife = 365 * 24 * time.Hour

// ensureCertificates writes a CA and a certificate for loopback, unless those of an earlier run are good for a month more.
// The CA's own key is thrown away at once, so nothing else will ever be signed by it.
func ensureCertificates(dir string, now time.Time) error {
	if current, err := readCertificate(filepath.Join(dir, "tls.pem")); err == nil && current.NotAfter.Sub(now) > 30*24*time.Hour {
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
