package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// certificate is the TLS certificate of a listener. It can be replaced at any time: open connections keep the old
// certificate, and new ones get the new one.
type certificate struct {
	// current is nil for plain HTTP.
	current atomic.Pointer[tls.Certificate]
}

// maxPEMFile bounds the size of a file of a TLS key or of certificates, in bytes. Real ones are much smaller.
const maxPEMFile = 1 << 20

// loadCertificate loads the certificate of the listener at a place. It returns nil for plain HTTP.
func loadCertificate(l Listener, at config.Place) (*tls.Certificate, error) {
	if l.PlainHTTP {
		return nil, nil
	}
	return loadKeyPair(l.TLSCertFile, l.TLSKeyFile, at.Field("tls_cert_file"), at.Field("tls_key_file"))
}

// loadKeyPair loads a certificate with its chain, and its key, from the files that two fields name.
func loadKeyPair(certFile, keyFile string, inCert, inKey config.Place) (*tls.Certificate, error) {
	chain, err := private.Read(certFile, private.Anyone, maxPEMFile)
	if err != nil {
		return nil, inCert.Fault(err)
	}
	if err := checkChain(chain); err != nil {
		return nil, inCert.Fault(fmt.Errorf("%s %w", certFile, err))
	}
	key, err := private.Read(keyFile, private.OwnerAndGroup, maxPEMFile)
	if err != nil {
		return nil, inKey.Fault(err)
	}
	defer clear(key)
	loaded, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, inKey.Fault(fmt.Errorf("%s is not the key of %s: %w", keyFile, certFile, err))
	}
	return &loaded, nil
}

// checkChain refuses a file that has no certificate in PEM, or whose first certificate can't be parsed.
func checkChain(text []byte) error {
	const kind = "CERTIFICATE"
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != kind {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("has a certificate that can't be read: %w", err)
		}
		return nil
	}
	return fmt.Errorf("has no certificate in PEM (-----BEGIN %s-----)", kind)
}

// describeCertificate returns the names and the expiry of a certificate, in words.
func describeCertificate(c *tls.Certificate) string {
	names := "no host name"
	if found := certificateNames(c.Leaf); len(found) > 0 {
		names = strings.Join(found, ", ")
	}
	return fmt.Sprintf("certificate for %s, expires %s", names, c.Leaf.NotAfter.UTC().Format(time.RFC3339))
}

// certificateNames returns the DNS names and IP addresses that the certificate is valid for.
func certificateNames(leaf *x509.Certificate) []string {
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// certificateWarnings returns why clients will refuse the certificate of the listener at a place. c may be nil.
func certificateWarnings(c *tls.Certificate, at config.Place, now time.Time) []string {
	if c == nil {
		return nil
	}
	at = at.Field("tls_cert_file")
	all := expiryWarnings(c, at, now)
	if len(certificateNames(c.Leaf)) == 0 {
		all = append(all, at.Fault(errors.New("the certificate names no host: clients look for it in subjectAltName, "+
			"and not in the common name")).Error())
	}
	return all
}

// expiryWarnings returns a warning if the certificate of the field at a place has expired or is not valid yet. c may be
// nil.
func expiryWarnings(c *tls.Certificate, at config.Place, now time.Time) (all []string) {
	if c == nil {
		return nil
	}
	warn := func(format string, when time.Time) {
		all = append(all, at.Fault(fmt.Errorf(format, when.UTC().Format(time.RFC3339))).Error())
	}
	if now.After(c.Leaf.NotAfter) {
		warn("the certificate expired at %s", c.Leaf.NotAfter)
	}
	if now.Before(c.Leaf.NotBefore) {
		warn("the certificate is not valid before %s", c.Leaf.NotBefore)
	}
	return all
}

// sameCertificate reports whether two certificates and their chains are the same. Either may be nil.
func sameCertificate(a, b *tls.Certificate) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(bytes.Join(a.Certificate, nil), bytes.Join(b.Certificate, nil))
}

// config returns the TLS configuration of the listener, or nil for plain HTTP. maxVersion is the newest TLS version
// that is offered; 0 sets no limit.
func (c *certificate) config(maxVersion uint16) *tls.Config {
	if c.current.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		MaxVersion:     maxVersion,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// notAfter returns when the certificate expires, or zero if there is none.
func (c *certificate) notAfter() time.Time {
	loaded := c.current.Load()
	if loaded == nil || loaded.Leaf == nil {
		return time.Time{}
	}
	return loaded.Leaf.NotAfter
}
