// Package publickey checks signatures with the public keys of KMS, by the standard library, and accepts exactly those
// that KMS accepts. Keys that the library has no code for are left to KMS.
package publickey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strconv"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ErrUnknownKey is for a public key that the standard library has no code for.
var ErrUnknownKey = errors.New("the public key is of a kind that signatures are not checked with here")

// A PublicKey checks signatures. It is safe for concurrent use.
type PublicKey struct {
	key crypto.PublicKey
	der []byte
}

// Parse reads the answer of GetPublicKey, a SubjectPublicKeyInfo in PEM. The error is [ErrUnknownKey] for a key that
// KMS must check signatures with.
func Parse(encoded string) (*PublicKey, error) {
	block, _ := pem.Decode([]byte(encoded))
	if block == nil {
		return nil, errors.New("the public key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, ErrUnknownKey
	}
	switch parsed.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return &PublicKey{parsed, block.Bytes}, nil
	default:
		return nil, ErrUnknownKey
	}
}

// Key returns the key of the standard library, an [*rsa.PublicKey] or an [*ecdsa.PublicKey]. It must not be changed.
func (p *PublicKey) Key() crypto.PublicKey { return p.key }

// PEM returns the key as a SubjectPublicKeyInfo, without whatever else KMS has sent with it.
func (p *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p.der})
}

// KeySpec returns the KeySpec of the CMK, and "" for a size or curve that KMS has no keys of.
func (p *PublicKey) KeySpec() string {
	spec := ""
	switch key := p.key.(type) {
	case *rsa.PublicKey:
		spec = "RSA_" + strconv.Itoa(key.N.BitLen())
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			spec = kmsapi.KeySpecP256
		}
	}
	if !slices.Contains(kmsapi.KeySpecs(), spec) {
		return ""
	}
	return spec
}

// saltOfKMS accepts only salts as KMS makes them: KMS itself refuses others too.
var saltOfKMS = &rsa.PSSOptions{SaltLength: kmsapi.DigestSize, Hash: crypto.SHA256}

// Verify reports whether signature, in the form in which KMS makes it, is the key's signature of a SHA-256 digest, by
// an algorithm of AsymmetricSign.
func (p *PublicKey) Verify(algorithm string, digest, signature []byte) bool {
	if len(digest) != kmsapi.DigestSize {
		return false
	}
	switch key := p.key.(type) {
	case *rsa.PublicKey:
		switch algorithm {
		case kmsapi.SignPSS:
			return rsa.VerifyPSS(key, crypto.SHA256, digest, signature, saltOfKMS) == nil
		case kmsapi.SignPKCS1v15:
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
		}
	case *ecdsa.PublicKey:
		return algorithm == kmsapi.SignECDSA && ecdsa.VerifyASN1(key, digest, signature)
	}
	return false
}
