package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Pair is a certificate with its key.
type Pair struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Authority is a CA: it signs other certificates.
type Authority struct{ Pair }

// NewAuthority makes a CA from template, with a new key. above signs it; if above is nil, it is self-signed.
func NewAuthority(template *x509.Certificate, above *Authority) (*Authority, error) {
	if above != nil {
		made, err := above.Issue(template)
		return &Authority{made}, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	itself := &Authority{Pair{Certificate: template, Key: key}}
	itself.Certificate, err = itself.Sign(template, key.Public())
	return itself, err
}

// Issue makes a certificate from template, with a new key.
func (a *Authority) Issue(template *x509.Certificate) (Pair, error) {
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	signed, err := a.Sign(template, key.Public())
	return Pair{Certificate: signed, Key: key}, err
}

// Sign makes a certificate from template for an existing public key.
func (a *Authority) Sign(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, public, a.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Until returns the end for a certificate of the CA that should be valid until then: the earlier of then and the end of
// the CA. The error says that the CA itself has expired at now.
func (a *Authority) Until(then, now time.Time) (time.Time, error) {
	end := a.Certificate.NotAfter
	if !end.After(now) {
		return time.Time{}, fmt.Errorf("the CA itself has expired, on %s", end.Format(time.DateOnly))
	}
	if end.Before(then) {
		return end, nil
	}
	return then, nil
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Belongs returns an error if the key does not belong to the certificate.
func (p Pair) Belongs() error {
	public, ok := p.Certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(p.Key.Public()) {
		return errors.New("the key is not that of the certificate")
	}
	return nil
}
